"""The one error that photopulse raises for what a user can mend."""

from collections.abc import Generator
from contextlib import contextmanager


class PhotopulseError(Exception):
    """An error that the user can mend: it says what failed, why, and what to do about it.

    Args:
        what: what failed, naming the file or the model, e.g. ``"cannot read portrait.jpg"``.
        why: the reason, e.g. ``"the file ends after 120 of 4096 bytes"``.
        fix: what the user can do, e.g. ``"copy the file again from its source"``.
    """

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{what}: {_sentence(why)} {fix[:1].upper()}{_sentence(fix[1:])}")
        self.what = what
        self.why = why
        self.fix = fix

    # Exceptions are pickled by their positional arguments; the three parts here are keywords.
    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.what, self.why, self.fix)


@contextmanager
def file_errors(what: str, *, fix: str) -> Generator[None]:
    """Turns an ``OSError`` inside the block into a ``PhotopulseError`` with the operating system's reason.

    Args:
        what: what failed, naming the file, e.g. ``"cannot read faces.csv"``.
        fix: the way out.
    """
    try:
        yield
    except OSError as error:
        raise PhotopulseError(what, why=system_reason(error), fix=fix) from error


def system_reason(error: OSError) -> str:
    """Returns the operating system's reason without number and path, e.g. ``"No such file or directory"``."""
    return error.strerror or str(error)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _rebuild(what: str, why: str, fix: str) -> PhotopulseError:
    return PhotopulseError(what, why=why, fix=fix)
