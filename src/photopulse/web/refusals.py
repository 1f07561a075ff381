"""Errors of requests: what, why and how to mend it, with an HTTP status."""

from dataclasses import dataclass

from photopulse.errors import PhotopulseError


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
    """Returns the three parts of an error."""
    return Problem(what=error.what, why=error.why, fix=error.fix)


def _rebuild(status: int, what: str, why: str, fix: str) -> RefusedError:
    return RefusedError(status, what, why=why, fix=fix)
