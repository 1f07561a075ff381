"""The rows of an evaluation: one measured picture a line, as a CSV file that reads back exactly."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from photopulse.errors import PhotopulseError
from photopulse.studies.text import write_text

_T = TypeVar("_T")
# A row takes about 300 bytes, so this is far more than any evaluation writes.
_MAX_BYTES = 256 * 2**20


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one method made of one picture under one condition; None is what was not measured.

    Attributes:
        image: the name of the picture, the same over all conditions and methods.
        condition: the canonical text of the corruption before downscaling; ``"none"`` for none.
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
        identity: cosine similarity of face embeddings with the sharp picture.
        sharpness: the sharpness of the result.
        converged: whether a search reached its target; None for methods that do not search.
        error: why the method failed on this picture, never empty; None when it did not fail.
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
    identity: float | None = None
    sharpness: float | None = None
    converged: bool | None = None
    error: str | None = None


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as CSV, whole or not at all, sorted, so that equal rows make equal files in any order.

    Sorted by condition, size, method and image. Numbers are written as ``repr`` does and read back exactly;
    an empty cell is None. Raises PhotopulseError when the file cannot be written.
    """
    lines = sorted((row.condition, row.size, row.method, row.image, _cells(row)) for row in rows)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    writer.writerows(line[-1] for line in lines)
    write_text(path, stream.getvalue())


def read_rows(path: Path) -> list[Row]:
    """Reads what ``write_rows`` wrote, in the order of the file.

    Raises PhotopulseError naming the line and the reason when the file is missing, too large or damaged.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _refuse(path, why=f"it is larger than {_MAX_BYTES // 2**20} MiB, no rows of an evaluation are")
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            try:
                if tuple(next(reader, ())) != COLUMNS:
                    raise ValueError(f"the columns are not {', '.join(COLUMNS)}")
                return [_row(cells) for cells in reader]
            except (ValueError, csv.Error) as error:
                raise _refuse(path, why=f"line {max(reader.line_num, 1)}: {error}") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions") from error


def _refuse(path: Path, *, why: str) -> PhotopulseError:
    return PhotopulseError(f"cannot read {path}", why=why, fix="delete the file and run the evaluation again")


def _cells(row: Row) -> tuple[str, ...]:
    return tuple(_cell(getattr(row, name)) for name in COLUMNS)


def _cell(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    # NumPy's float64 is a float, but its repr is no number.
    return repr(float(value)) if isinstance(value, float) else repr(value)


def _row(cells: list[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"it has {len(cells)} cells instead of {len(COLUMNS)}")
    text = dict(zip(COLUMNS, cells, strict=True))
    return Row(
        image=_required(text, "image", str),
        condition=_required(text, "condition", str),
        method=_required(text, "method", str),
        size=_required(text, "size", _side),
        small=_required(text, "small", _side),
        seconds=_optional(text, "seconds", float),
        downscale_mse=_optional(text, "downscale_mse", float),
        psnr=_optional(text, "psnr", float),
        psnr_y=_optional(text, "psnr_y", float),
        ssim=_optional(text, "ssim", float),
        niqe=_optional(text, "niqe", float),
        perceptual=_optional(text, "perceptual", float),
        identity=_optional(text, "identity", float),
        sharpness=_optional(text, "sharpness", float),
        converged=_optional(text, "converged", _truth),
        error=text["error"] or None,
    )


def _required(text: Mapping[str, str], name: str, parse: Callable[[str], _T]) -> _T:
    value = _optional(text, name, parse)
    if value is None:
        raise ValueError(f"{name} is empty")
    return value


def _optional(text: Mapping[str, str], name: str, parse: Callable[[str], _T]) -> _T | None:
    if not text[name]:
        return None
    try:
        return parse(text[name])
    except ValueError as error:
        raise ValueError(f"{name} cannot be {text[name][:40]!r}") from error


def _side(text: str) -> int:
    side = int(text)
    if side < 1:
        raise ValueError("a side must be at least 1 pixel")
    return side


def _truth(text: str) -> bool:
    if text not in {"True", "False"}:
        raise ValueError("neither True nor False")
    return text == "True"


COLUMNS = tuple(field.name for field in fields(Row))
