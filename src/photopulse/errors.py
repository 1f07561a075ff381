"""The one error that photopulse raises for what a user can mend."""

from collections.abc import Generator
from contextlib import contextmanager

_FULL_MEMORY = (
    "allocate memory",
    "bad_alloc",
    "failed to map segment",
    "Insufficient memory",
    "out of memory",
)
_LONGEST = 4000  # Characters of each part; what a damaged or hostile file says of itself can fill the memory.


class PhotopulseError(Exception):
    """An error that the user can mend: it says what failed, why, and what to do about it.

    Args:
        what: what failed, naming the file or the model, e.g. ``"cannot read portrait.jpg"``.
        why: the reason, e.g. ``"the file ends after 120 of 4096 bytes"``.
        fix: what the user can do, e.g. ``"copy the file again from its source"``.
    """

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        what, why, fix = _cut(what), _cut(why), _cut(fix)
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


def memory_full(what: str) -> PhotopulseError:
    """Returns the error for work that needs more memory than there is."""
    return PhotopulseError(what, why="the memory is full", fix="close other programs, or use a smaller picture")


def system_reason(error: OSError) -> str:
    """Returns the operating system's reason without number and path, e.g. ``"No such file or directory"``."""
    return error.strerror or str(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error of Python, PyTorch, OpenCV or the system says that the memory is full."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _FULL_MEMORY)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _rebuild(what: str, why: str, fix: str) -> PhotopulseError:
    return PhotopulseError(what, why=why, fix=fix)
