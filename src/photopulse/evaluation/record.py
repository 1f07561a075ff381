"""What is remembered of one picture of an evaluation: how it was made, and what was measured of it."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from photopulse.evaluation.measuring import Measured
from photopulse.evaluation.method import CurvePoint
from photopulse.runs.fields import from_fields
from photopulse.runs.sidecar import read_sidecar, write_sidecar


@dataclass(frozen=True, kw_only=True)
class Record:
    """A picture's past.

    Attributes:
        seconds: the method took; None for the sharp face.
        converged: of a search.
        curve: of a search, if it was recorded.
        curve_wanted: it was to be recorded, even if the search has none to give.
        measured: by size: a key of what the measuring depends on, and the values.
    """

    seconds: float | None = None
    converged: bool | None = None
    curve: tuple[CurvePoint, ...] = ()
    curve_wanted: bool = False
    measured: dict[int, tuple[str, Measured]] = field(default_factory=dict[int, tuple[str, Measured]])


def write_record(path: Path, key: str, record: Record) -> None:
    """Writes a record under the key of its picture; PhotopulseError if that is not possible."""
    write_sidecar(path, key, asdict(record))


def read_record(path: Path, key: str) -> Record | None:
    """Returns the record of that key; None if there is none, or it is damaged."""
    content = read_sidecar(path, key)
    try:
        return None if content is None else _record(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _record(content: dict[str, Any]) -> Record:
    return Record(
        seconds=content["seconds"],
        converged=content["converged"],
        curve=tuple(from_fields(CurvePoint, point) for point in content["curve"]),
        curve_wanted=content.get("curve_wanted", bool(content["curve"])),  # Older records do not say it.
        measured=_measured(content["measured"]),
    )


def _measured(content: dict[str, Any]) -> dict[int, tuple[str, Measured]]:
    measured: dict[int, tuple[str, Measured]] = {}
    for size, (key, values) in content.items():
        with suppress(TypeError):  # What is damaged is measured again; the picture is good all the same.
            measured[int(size)] = (key, from_fields(Measured, values))
    return measured
