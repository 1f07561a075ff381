"""Reads and writes the records of an evaluation: the rows of ``rows.csv``, and a sidecar beside each picture."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from photopulse.evaluation.measure import Value, Values
from photopulse.evaluation.measures import MEASURES
from photopulse.files import write_text
from photopulse.reporting.cells import cell, parse_cell, read_csv, to_csv, truth
from photopulse.runs.fields import from_fields
from photopulse.runs.sidecar import read_sidecar, write_sidecar


@dataclass(frozen=True, kw_only=True)
class Row:
    """Measures of the result of one method for one picture under one condition.

    Attributes:
        image: name of the picture, the same for all conditions and methods.
        condition: canonical text of the corruption of the original, or level of damage.
        method: name of the method.
        size: side of the result in px; None for a photo, which is measured in its own size.
        small: side of the input in px; None for a photo.
        values: values by the name of the measure, without those that were not measured.
        error: reason for which the method failed on this picture, never empty; None if it did not fail.
        traits: traits by the name of the measure, for estimates of the set; not stored in the file.
    """

    image: str
    condition: str
    method: str
    size: int | None
    small: int | None
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    error: str | None = None
    traits: Values = field(default_factory=dict[str, Value], compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Quality of a search's best image at one time.

    Attributes:
        step: step of the search, from 1.
        seconds: seconds since its start, without measuring.
        downscale_mse: mean squared error between the downscaled best image and the input.
        niqe: NIQE of the best image; None if the image is too small.
    """

    step: int
    seconds: float
    downscale_mse: float
    niqe: float | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """Content of the sidecar of a picture: how it was made, and its measured values.

    Attributes:
        seconds: duration of the method in seconds; None for the original.
        converged: whether a search converged; None for methods that do not search.
        curve: course of a search, if it was recorded.
        curve_wanted: whether the course was to be recorded, even if the method has none; missing in older records.
        measured: by view, the key on which the measuring depends and the values by the name of the measure.
    """

    seconds: float | None = None
    converged: bool | None = None
    curve: tuple[CurvePoint, ...] = ()
    curve_wanted: bool = False
    measured: Mapping[str, object] = field(default_factory=dict[str, object])

    def values(self, view: str, key: str) -> dict[str, Value | None] | None:
        """Returns the values of a view; None if they were measured under another key, or are damaged."""
        told = self.measured.get(view)
        if not isinstance(told, list | tuple) or len(cast("Sequence[object]", told)) != 2:
            return None
        found, values = cast("Sequence[object]", told)
        if found != key or not isinstance(values, dict) or set(cast("dict[str, object]", values)) != _MEASURED:
            return None
        return cast("dict[str, Value | None]", values)


def write_record(path: Path, key: str, record: Record) -> None:
    """Writes a record with the key of its picture; raises PhotopulseError if the file cannot be written."""
    write_sidecar(path, key, asdict(record))


def read_record(path: Path, key: str) -> Record | None:
    """Reads a record; returns None if the file is missing or damaged, or has another key."""
    content = read_sidecar(path, key)
    try:
        if content is None or "measured" not in content:
            return None
        return from_fields(Record, {"curve_wanted": bool(content.get("curve"))} | content)
    except TypeError:
        return None


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as CSV, atomically and sorted, so that the order of the rows does not change the file.

    Sorted by condition, size, method and image. Numbers are written as ``repr`` does and read back exactly;
    an empty cell is None. Raises PhotopulseError when the file cannot be written.
    """
    lines = sorted((row.condition, row.size or 0, row.method, row.image, _cells(row)) for row in rows)
    write_text(path, to_csv([ROW_COLUMNS, *(cells for *_, cells in lines)]))


def read_rows(path: Path) -> list[Row]:
    """Reads what ``write_rows`` wrote, in the order of the file; a measure that has no column was not measured.

    Raises PhotopulseError naming the line and the reason when the file is missing, too large or damaged.
    """
    return read_csv(path, _row, check=_check_columns)


def _cells(row: Row) -> tuple[str, ...]:
    told = {**row.values, **{name: getattr(row, name) for name in (*_TEXTS, *_SIDES, "error")}}
    return tuple(cell(told.get(name)) for name in ROW_COLUMNS)


def _check_columns(names: list[str]) -> None:
    if len(set(names)) < len(names) or not {*_TEXTS, *_SIDES} <= set(names) <= set(ROW_COLUMNS):
        raise ValueError(f"the columns are not {', '.join(ROW_COLUMNS)}")


def _row(cells: dict[str, str]) -> Row:
    texts: dict[str, Any] = {name: parse_cell(name, cells.get(name, ""), str) for name in (*_TEXTS, "error")}
    sides: dict[str, Any] = {name: parse_cell(name, cells[name], _side) for name in _SIDES}
    values = {name: parse_cell(name, cells.get(name, ""), parse) for name, parse in _PARSERS.items()}
    for name in _TEXTS:
        if texts[name] is None:
            raise ValueError(f"{name} is empty")
    return Row(**texts, **sides, values={name: value for name, value in values.items() if value is not None})


def _side(text: str) -> int:
    side = int(text)
    if side < 1:
        raise ValueError("a side must be at least 1 pixel")
    return side


_TEXTS, _SIDES = ("image", "condition", "method"), ("size", "small")
_PARSERS: Mapping[str, Callable[[str], float]] = {
    measure.name: truth if measure.kind == "truth" else float for measure in MEASURES if measure.kind != "trait"
}
_MEASURED = {measure.name for measure in MEASURES if measure.compute is not None}
ROW_COLUMNS = (*_TEXTS, *_SIDES, *_PARSERS, "error")
