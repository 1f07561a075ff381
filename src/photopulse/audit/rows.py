"""The rows of a bias audit, one per face, and the CSV file that stores them exactly."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from photopulse.files import write_text
from photopulse.reporting.cells import parse_cell, read_csv, to_csv, truth

_LABEL = "label:"


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """Measurements of one face before and after the search; None means not measured.

    Angles (``ita_...``) are individual typology angles in degrees, lightnesses are L* from 0 to 100; larger is lighter.

    Attributes:
        image: path of the photo, as given.
        labels: labels that the user gave to the photo, by name; photopulse guesses none.
        tone_group: tone group of ``ita_original``.
        ita_input: angle of the input (the small face), mean over its skin.
        ita_output_small: angle of the downscaled result, in the same pixels.
        ita_original: angle of the sharp original, median over its skin.
        ita_output: angle of the result, on its own skin; None if no face was found in it.
        lightness_input: lightness in the same pixels as ``ita_input``.
        lightness_output_small: lightness in the same pixels as ``ita_output_small``.
        lightness_original: lightness in the same pixels as ``ita_original``.
        lightness_output: lightness in the same pixels as ``ita_output``.
        downscale_mse: mean squared error between the downscaled result and the input, white being 1.
        converged: whether ``downscale_mse`` is at most the run's eps.
        method: name of the search method.
        steps: steps of the classic search, or rounds of the fast one.
        seconds: time that the search took.
        seed: seed of the search.
        generator: name of the generator.
        picture: file name of the comparison picture.
        key: hash of the photo and of all settings; equal keys mean equal rows.
        error: reason why there is no measurement, never empty; None if there is one.
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
        """Change of the angle in degrees from the input to the downscaled result; positive is lighter."""
        return _difference(self.ita_output_small, self.ita_input)

    @property
    def shift_large(self) -> float | None:
        """Change of the angle in degrees from the sharp original to the result; positive is lighter."""
        return _difference(self.ita_output, self.ita_original)

    @property
    def lightness_shift_small(self) -> float | None:
        """Change of L* from the input to the downscaled result."""
        return _difference(self.lightness_output_small, self.lightness_input)

    @property
    def lightness_shift_large(self) -> float | None:
        """Change of L* from the sharp original to the result."""
        return _difference(self.lightness_output, self.lightness_original)


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def write_audit_rows(path: Path, rows: Iterable[AuditRow]) -> None:
    """Writes rows as CSV, atomically, in their order; each label is a column ``label:<name>``.

    Numbers are written by ``repr`` and read back exactly; an empty cell is None.

    Raises:
        PhotopulseError: if the file cannot be written.
    """
    rows = list(rows)
    labels = list(dict.fromkeys(name for row in rows for name in row.labels))
    fixed = (*_COLUMNS, *SHIFTS)
    lines = ([*(getattr(row, name) for name in fixed), *map(row.labels.get, labels)] for row in rows)
    write_text(path, to_csv([(*fixed, *(_LABEL + name for name in labels)), *lines]))


def read_audit_rows(path: Path) -> list[AuditRow]:
    """Reads a file of ``write_audit_rows``.

    Raises:
        PhotopulseError: if the file is missing or damaged; it states the line and the reason.
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
"""Properties of ``AuditRow`` that are written as columns too."""

_COLUMNS = tuple(column.name for column in fields(AuditRow) if column.name != "labels")
_TEXTS = ("image", "tone_group", "method", "generator", "picture", "key", "error")
_PARSERS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(("steps", "seed"), int),
    "converged": truth,
}
