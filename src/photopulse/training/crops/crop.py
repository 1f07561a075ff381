"""Crops many pictures into two folders: one to train on, one to measure with."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, write_image
from photopulse.images.resize import resized
from photopulse.images.transparent import with_visible_colours
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.names import canonical, refuse_to_overwrite, unique_stems
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.training.crops.boxes import BoxFilter, FindBoxes, Square, square_around

COMMAND: Final = "crop"
TRAIN, MEASURE = "train", "measure"

_DARKEST, _BRIGHTEST = 0.001, 0.999  # shares of the pixels below black and below white.


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How pictures are cropped.

    Attributes:
        size: height and width of the crops in px.
        margin: what is added on each side of a box, as a share of its longer side.
        side: side of the squares in px of the picture; None for the box with its margins.
        boxes: which boxes are used.
        hold_out: one picture in so many is kept for measuring, with all of its crops; 0 for none.
        stretch: whether the darkest and the brightest pixels of each picture become black and white.
    """

    size: int = 64
    margin: float = 0.1
    side: int | None = None
    boxes: BoxFilter = field(default_factory=BoxFilter)
    hold_out: int = 7
    stretch: bool = False


def crop_files(
    files: Sequence[Path],
    folder: Path,
    find_boxes: FindBoxes,
    settings: CropSettings,
    *,
    watcher: Watcher | None = None,
) -> list[ReportItem]:
    """Writes the crops ``train/<stem>_<n>.png`` and ``measure/<stem>_<n>.png``, and returns a row for each.

    The part of a picture depends on its name alone, so that new pictures do not move the others. A picture that cannot
    be read, shows the same as one before it or has no usable box becomes a failed row; the others go on.

    Raises:
        PhotopulseError: if the folder cannot be written to.
    """
    watcher = watcher or Watcher()
    inputs = {canonical(file) for file in files}
    seen: dict[bytes, Path] = {}
    places = count()
    watcher.start("cropping", len(files))
    with Report(folder, COMMAND, resume=False) as report:
        for done, (source, stem) in enumerate(zip(files, unique_stems(files), strict=True), start=1):
            try:
                rows = list(_crops(source, stem, folder, find_boxes, settings, inputs, seen))
            except FAILURES as error:
                rows = [ReportItem(input=str(source), status="failed", error=reason(error))]
            for row in rows:
                report.add(next(places), row)
                watcher.end(row)
            watcher.step(done)
    # A training would learn what an earlier run left there, too.
    written = {Path(row.output).name for row in report.items if row.output}
    if others := [file for part in (TRAIN, MEASURE) for file in (folder / part).glob("*") if file.name not in written]:
        watcher.note(
            f"{len(others)} files in {folder} are not of this run, e.g. {others[0]}: a training would learn them, too. "
            "Crop into another folder, or remove them"
        )
    return report.items


def _crops(
    source: Path,
    stem: str,
    folder: Path,
    find_boxes: FindBoxes,
    settings: CropSettings,
    inputs: set[str],
    seen: dict[bytes, Path],
) -> Iterator[ReportItem]:
    started = time.perf_counter()
    # Read the picture, and pass over copies.
    pixels = _read(source, stretch=settings.stretch)
    _refuse_copy(source, pixels, seen)
    # Find the squares.
    height, width = pixels.shape[2:]
    boxes = [box for box in find_boxes(source, pixels) if settings.boxes.takes(box, width, height)]
    if not boxes:
        raise PhotopulseError(
            f"no crops of {source}",
            why="it has no box of the wanted names and sizes",
            fix="check --boxes, --labels, --least, --most and --ratio, or leave the picture out",
        )
    squares = [square_around(box, width, height, margin=settings.margin, side=settings.side) for box in boxes]
    # Write them.
    part = part_of(stem, settings.hold_out)
    for number, square in enumerate(squares, start=1):
        output = folder / part / f"{stem}_{number}.png"
        refuse_to_overwrite(output, inputs)
        write_image(output, _cut(pixels, square, settings.size))
        yield _row(source, output, square, settings.size, time.perf_counter() - started)
        started = time.perf_counter()


def part_of(stem: str, hold_out: int) -> str:
    """Returns the part to which the crops of a picture belong: one in ``hold_out`` names, by its hash, is measured."""
    digest = hashlib.sha256(stem.encode("utf-8", errors="surrogateescape")).hexdigest()
    return MEASURE if hold_out and int(digest, 16) % hold_out == 0 else TRAIN


def stretched(pixels: Tensor) -> Tensor:
    """Maps the darkest and the brightest thousandth of all values of a picture in [0, 1] to 0 and 1."""
    ordered = pixels.flatten().sort().values
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (_DARKEST, _BRIGHTEST))
    return ((pixels - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)


def _read(source: Path, *, stretch: bool) -> Tensor:
    photo = read_image(source)
    pixels = photo.pixels if photo.alpha is None else with_visible_colours(photo.pixels, photo.alpha)
    return stretched(pixels) if stretch else pixels


def _refuse_copy(source: Path, pixels: Tensor, seen: dict[bytes, Path]) -> None:
    digest = hashlib.sha256(pixels.numpy().tobytes()).digest()
    first = seen.setdefault(digest, source)
    if first != source:
        raise PhotopulseError(
            f"no crops of {source}",
            why=f"it shows the same as {first}, and copies in both parts would flatter the measurements",
            fix="remove one of the two",
        )


def _cut(pixels: Tensor, square: Square, size: int) -> Tensor:
    rows, columns = slice(square.top, square.top + square.side), slice(square.left, square.left + square.side)
    return resized(torch.clone(pixels[:, :, rows, columns]), size, size)


def _row(source: Path, output: Path, square: Square, size: int, seconds: float) -> ReportItem:
    left, top, right, bottom = square.left, square.top, square.left + square.side, square.top + square.side
    return ReportItem(
        input=str(source),
        output=str(output),
        status="made",
        seconds=round(seconds, 3),
        size=(size, size),
        quad=((left, top), (left, bottom), (right, bottom), (right, top)),
    )
