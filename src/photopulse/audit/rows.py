"""The rows of a bias audit: one face each, as a CSV file that reads back exactly."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from photopulse.files import write_text
from photopulse.reporting.cells import parse_cell, read_csv, to_csv, truth

_LABEL = "label:"


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """What became of one face: how its skin looked before and after. None is what was not measured.

    Angles (``ita_...``) are individual typology angles in degrees, lightnesses are L* from 0 to 100; larger is lighter.

    Attributes:
        image: the photo, as given.
        labels: what the user says of the photo, by name of the column; photopulse guesses nothing.
        tone_group: of ``ita_original``.
        ita_input: of the small face, the mean over its skin.
        ita_output_small: of the output made small again, in the same pixels.
        ita_original: of the sharp face that was made small, the median over its skin.
        ita_output: of the output, on its own skin; None where no face was found in the output.
        lightness_input: like the angle of that name; so the next three.
        lightness_output_small: likewise.
        lightness_original: likewise.
        lightness_output: likewise.
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
    lightness_input: float | None = None
    lightness_output_small: float | None = None
    lightness_original: float | None = None
    lightness_output: float | None = None
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

    @property
    def lightness_shift_small(self) -> float | None:
        """By how much L* is higher than that of the input, in the same small pixels."""
        return _difference(self.lightness_output_small, self.lightness_input)

    @property
    def lightness_shift_large(self) -> float | None:
        """By how much L* of the output's face is higher than that of the sharp original."""
        return _difference(self.lightness_output, self.lightness_original)


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
    fixed = (*_COLUMNS, *SHIFTS)
    lines = ([*(getattr(row, name) for name in fixed), *map(row.labels.get, labels)] for row in rows)
    write_text(path, to_csv([(*fixed, *(_LABEL + name for name in labels)), *lines]))


def read_audit_rows(path: Path) -> list[AuditRow]:
    """Reads what ``write_audit_rows`` wrote.

    Raises:
        PhotopulseError: naming the line and the reason, if the file is missing or damaged.
    """
    return read_csv(path, _row, check=_check_columns)


def _check_columns(names: list[str]) -> None:
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise ValueError(f"there is no column {', '.join(missing)}")


def _row(cells: dict[str, str]) -> AuditRow:
    told: dict[str, Any] = {name: parse_cell(name, cells[name], _PARSERS.get(name, float)) for name in _COLUMNS}
    if told["image"] is None:
        raise ValueError("image is empty")
    labels = {name.removeprefix(_LABEL): text for name, text in cells.items() if name.startswith(_LABEL) and text}
    return AuditRow(labels=labels, **told)


SHIFTS = ("shift_small", "shift_large", "lightness_shift_small", "lightness_shift_large")
"""What is computed from a row, and written beside it."""

_COLUMNS = tuple(column.name for column in fields(AuditRow) if column.name != "labels")
_TEXTS = ("image", "tone_group", "method", "generator", "picture", "key", "error")
_PARSERS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(("steps", "seed"), int),
    "converged": truth,
}
