"""The rows of an evaluation: one measured picture a line, as a CSV file that reads back exactly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from photopulse.evaluation.sets import Traits
from photopulse.files import write_text
from photopulse.reporting.cells import cell, parse_cell, read_csv, to_csv, truth


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one method made of one picture under one condition; None is what was not measured.

    Attributes:
        image: the name of the picture, the same over all conditions and methods.
        condition: the canonical text of the corruption before downscaling; ``"clean"`` for none.
        method: the name of the method.
        size: the side of the result in pixels.
        small: the side of the input in pixels.
        seconds: wall time of the method on this picture.
        downscale_mse: mean squared error between the downscaled result and the input, in [0, 1] squared.
        psnr: peak signal-to-noise ratio in dB against the sharp picture, over RGB.
        psnr_y: the same over luma.
        ssim: structural similarity with the sharp picture on luma, at most 1.
        niqe: NIQE of this picture alone; lower is more natural.
        perceptual: distance of deep features to the sharp picture; lower is nearer.
        lpips: LPIPS to the sharp picture; lower is nearer.
        identity: cosine similarity of face embeddings with the sharp picture.
        identity_distance: Euclidean distance of the same; below 0.6 speaks for one person.
        sharpness: the sharpness of the result.
        confidence: score of the face detector for the result, from 0 (no face found) to 1.
        ita_shift: by how many degrees of individual typology angle the skin of the downscaled result is lighter than
            that of the input, in the same pixels.
        converged: whether a search reached its target; None for methods that do not search.
        error: why the method failed on this picture, never empty; None when it did not fail.
        traits: what the picture adds to the figures of its set; not kept in the file.
    """

    image: str
    condition: str
    method: str
    size: int
    small: int
    seconds: float | None = None
    downscale_mse: float | None = None
    psnr: float | None = None
    psnr_y: float | None = None
    ssim: float | None = None
    niqe: float | None = None
    perceptual: float | None = None
    lpips: float | None = None
    identity: float | None = None
    identity_distance: float | None = None
    sharpness: float | None = None
    confidence: float | None = None
    ita_shift: float | None = None
    converged: bool | None = None
    error: str | None = None
    traits: Traits = field(default=Traits(), compare=False, repr=False)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as CSV, whole or not at all, sorted, so that equal rows make equal files in any order.

    Sorted by condition, size, method and image. Numbers are written as ``repr`` does and read back exactly;
    an empty cell is None. Raises PhotopulseError when the file cannot be written.
    """
    lines = sorted((row.condition, row.size, row.method, row.image, _cells(row)) for row in rows)
    write_text(path, to_csv([COLUMNS, *(cells for *_, cells in lines)]))


def read_rows(path: Path) -> list[Row]:
    """Reads what ``write_rows`` wrote, in the order of the file; a measure that has no column was not measured.

    Raises PhotopulseError naming the line and the reason when the file is missing, too large or damaged.
    """
    return read_csv(path, _row, check=_check_columns)


def _cells(row: Row) -> tuple[str, ...]:
    return tuple(cell(getattr(row, name)) for name in COLUMNS)


def _check_columns(names: list[str]) -> None:
    if len(set(names)) < len(names) or not set(_REQUIRED) <= set(names) <= set(COLUMNS):
        raise ValueError(f"the columns are not {', '.join(COLUMNS)}")


def _row(cells: dict[str, str]) -> Row:
    told: dict[str, Any] = {name: parse_cell(name, cells.get(name, ""), _PARSERS.get(name, float)) for name in COLUMNS}
    for name in _REQUIRED:
        if told[name] is None:
            raise ValueError(f"{name} is empty")
    return Row(**told)


def _side(text: str) -> int:
    side = int(text)
    if side < 1:
        raise ValueError("a side must be at least 1 pixel")
    return side


COLUMNS = tuple(column.name for column in fields(Row) if column.name != "traits")
_REQUIRED = ("image", "condition", "method", "size", "small")
_PARSERS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("image", "condition", "method", "error"), str),
    **dict.fromkeys(("size", "small"), _side),
    "converged": truth,
}
