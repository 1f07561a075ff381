"""The rows of a bias audit: one face each, as a CSV file that reads back exactly."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path

# Names of files that are no UTF-8 survive the way to the disk and back.
_ENCODING, _UNDECODABLE = "utf-8", "surrogateescape"
_LABEL = "label:"


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """What became of one face: how its skin looked before and after. None is what was not measured.

    Angles are individual typology angles in degrees, larger is lighter.

    Attributes:
        image: the photo, as given.
        labels: what the user says of the photo, by name of the column; photopulse guesses nothing.
        tone_group: of ``ita_original``.
        ita_input: of the small face, the mean over its skin.
        ita_output_small: of the output made small again, in the same pixels.
        ita_original: of the sharp face that was made small, the median over its skin.
        ita_output: of the output, on its own skin; None where no face was found in the output.
        downscale_mse: of the output made small again, to the input.
        converged: whether that is at most the run's eps.
        method: of the search.
        steps: of the search.
        seconds: the search took.
        seed: of this face's start.
        generator: its name.
        picture: name of the picture that shows original, input and output.
        key: fingerprint of the photo and of all settings; the same key gives the same row.
        error: why there is no measurement, never empty; None when there is one.
    """

    image: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    tone_group: str | None = None
    ita_input: float | None = None
    ita_output_small: float | None = None
    ita_original: float | None = None
    ita_output: float | None = None
    downscale_mse: float | None = None
    converged: bool | None = None
    method: str | None = None
    steps: int | None = None
    seconds: float | None = None
    seed: int | None = None
    generator: str | None = None
    picture: str | None = None
    key: str | None = None
    error: str | None = None

    @property
    def shift_small(self) -> float | None:
        """How many degrees lighter the output is than the input, in the same small pixels."""
        return _difference(self.ita_output_small, self.ita_input)

    @property
    def shift_large(self) -> float | None:
        """How many degrees lighter the output's face is than the sharp original."""
        return _difference(self.ita_output, self.ita_original)


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def write_audit_rows(path: Path, rows: Iterable[AuditRow]) -> None:
    """Writes rows as CSV, whole or not at all, in their order; labels are columns ``label:<name>``.

    Numbers are written as ``repr`` does and read back exactly; an empty cell is None.

    Raises:
        PhotopulseError: if the file cannot be written.
    """
    rows = list(rows)
    labels = list(dict.fromkeys(name for row in rows for name in row.labels))
    try:
        with (
            atomic_path(path) as temporary,
            temporary.open("w", encoding=_ENCODING, errors=_UNDECODABLE, newline="") as stream,
        ):
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([*_COLUMNS, *_DERIVED, *(_LABEL + name for name in labels)])
            writer.writerows([*fixed_cells(row), *(row.labels.get(name, "") for name in labels)] for row in rows)
    except OSError as error:
        why = error.strerror or str(error)
        fix = "choose a folder that can be written to and has room, with -o"
        raise PhotopulseError(f"cannot write {path}", why=why, fix=fix) from error


def fixed_cells(row: AuditRow) -> list[str]:
    """Words all of a row but its labels, in the order of the file's columns."""
    return [_cell(getattr(row, name)) for name in (*_COLUMNS, *_DERIVED)]


def read_audit_rows(path: Path) -> list[AuditRow]:
    """Reads what ``write_audit_rows`` wrote.

    Raises:
        PhotopulseError: naming the line and the reason, if the file is missing or damaged.
    """
    try:
        with path.open(encoding=_ENCODING, errors=_UNDECODABLE, newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            try:
                missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
                if missing:
                    raise ValueError(f"there is no column {', '.join(missing)}")
                return [_row(cells) for cells in reader]
            except (ValueError, csv.Error) as error:
                raise PhotopulseError(
                    f"cannot read {path}",
                    why=f"line {max(reader.line_num, 1)}: {error}",
                    fix="mend the line, or delete the file and run the audit again",
                ) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions") from error


def _row(cells: Mapping[str, str | None]) -> AuditRow:
    told: dict[str, Any] = {name: _value(name, cells[name]) for name in _COLUMNS}
    if told["image"] is None:
        raise ValueError("image is empty")
    labels = {name.removeprefix(_LABEL): text for name, text in _labels(cells) if text}
    return AuditRow(labels=labels, **told)


def _labels(cells: Mapping[Any, Any]) -> list[tuple[str, str]]:
    # DictReader files cells beyond the columns under None, and fills missing ones with None.
    if None in cells or None in cells.values():
        raise ValueError("it does not have one cell for each column")
    return [(name, text) for name, text in cells.items() if name and name.startswith(_LABEL)]


def _value(name: str, text: str | None) -> object:
    if not text:
        return None
    try:
        return _PARSERS.get(name, str)(text)
    except ValueError as error:
        raise ValueError(f"{name} cannot be {text[:40]!r}") from error


def _cell(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    # NumPy's float64 is a float, but its repr is no number.
    return repr(float(value)) if isinstance(value, float) else repr(value)


def _truth(text: str) -> bool:
    if text not in {"True", "False"}:
        raise ValueError("neither True nor False")
    return text == "True"


_COLUMNS = tuple(field.name for field in fields(AuditRow) if field.name != "labels")
_DERIVED = ("shift_small", "shift_large")
_FLOATS = ("ita_input", "ita_output_small", "ita_original", "ita_output", "downscale_mse", "seconds")
_PARSERS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(_FLOATS, float),
    **dict.fromkeys(("steps", "seed"), int),
    "converged": _truth,
}
