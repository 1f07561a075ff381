"""Errors of requests: what, why and how to mend it, with an HTTP status."""

import re
from dataclasses import dataclass

from photopulse.errors import PhotopulseError

SERVER_OPTIONS = frozenset({"certificate", "device", "label", "max-megabytes", "max-seconds", "sign"})
"""Options in messages that are none of a job's settings."""
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An error as JSON tells it.

    Attributes:
        what: failed.
        why: it failed.
        fix: the way out.
    """

    what: str
    why: str
    fix: str


class RefusedError(PhotopulseError):
    """A request that is not served.

    Args:
        status: of HTTP.
        what: failed.
        why: it failed.
        fix: the way out.
    """

    def __init__(self, status: int, what: str, *, why: str, fix: str) -> None:
        super().__init__(what, why=why, fix=fix)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.status, self.what, self.why, self.fix)


def problem_of(error: PhotopulseError) -> Problem:
    """Returns the three parts of an error, which names settings as the fields of a form."""
    return Problem(what=_by_fields(error.what), why=_by_fields(error.why), fix=_by_fields(error.fix))


def _by_fields(text: str) -> str:
    """Returns the text with ``'save_mask'`` for ``--save-mask``; options of the server itself stay."""

    def named(option: re.Match[str]) -> str:
        return option[0] if option[1] in SERVER_OPTIONS else f"'{option[1].replace('-', '_')}'"

    return _OPTION.sub(named, text)


def _rebuild(status: int, what: str, why: str, fix: str) -> RefusedError:
    return RefusedError(status, what, why=why, fix=fix)
