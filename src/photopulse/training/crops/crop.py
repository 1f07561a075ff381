"""Crops many pictures into two folders: one to train on, one to measure with."""

import hashlib
import time
from collections import Counter
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
from photopulse.training.crops.boxes import (
    ENDLESS,
    OUTSIDE,
    Box,
    BoxFilter,
    FindBoxes,
    Square,
    no_crops,
    refuse_smaller,
    square_around,
)

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
    cropper = _Cropper(files, folder, find_boxes, settings)
    places = count()
    watcher.start("cropping", len(files))
    with Report(folder, COMMAND, resume=False) as report:
        for done, (source, stem) in enumerate(zip(files, unique_stems(files), strict=True), start=1):
            try:
                rows = list(cropper.crops(source, stem))
            except FAILURES as error:
                rows = [ReportItem(input=str(source), status="failed", error=reason(error))]
            for row in rows:
                report.add(next(places), row)
                watcher.end(row)
            watcher.step(done)
    for note in cropper.notes():
        watcher.note(note)
    # A training would learn what an earlier run left there, too.
    written = {Path(row.output).name for row in report.items if row.output}
    if others := [file for part in (TRAIN, MEASURE) for file in (folder / part).glob("*") if file.name not in written]:
        watcher.note(
            f"{len(others)} files in {folder} are not of this run, e.g. {others[0]}: a training would learn them, too. "
            "Crop into another folder, or remove them"
        )
    return report.items


class _Cropper:
    """Crops one picture after the other, and remembers what is to be told at the end."""

    def __init__(self, files: Sequence[Path], folder: Path, find_boxes: FindBoxes, settings: CropSettings) -> None:
        self._folder, self._find_boxes, self._settings = folder, find_boxes, settings
        self._inputs = {canonical(file) for file in files}
        self._seen: dict[bytes, Path] = {}  # the first picture with the pixels of this digest.
        self._sides: list[int] = []  # of all squares.
        self._faults: Counter[str] = Counter()  # boxes that are wrong, by what is wrong with them,
        self._faulty: dict[str, Path] = {}  # and the first picture with such a box.

    def crops(self, source: Path, stem: str) -> Iterator[ReportItem]:
        """Writes the crops of a picture, and yields their rows."""
        started = time.perf_counter()
        settings = self._settings
        # Read the picture, and pass over copies.
        pixels = _read(source, stretch=settings.stretch)
        _refuse_copy(source, pixels, self._seen)
        # Find the squares.
        height, width = pixels.shape[2:]
        if settings.side is not None:
            refuse_smaller(source, pixels, settings.side)
        boxes = self._usable(source, self._find_boxes(source, pixels), width, height)
        squares = [square_around(box, width, height, margin=settings.margin, side=settings.side) for box in boxes]
        # Write them.
        part = part_of(stem, settings.hold_out)
        for number, square in enumerate(squares, start=1):
            output = self._folder / part / f"{stem}_{number}.png"
            refuse_to_overwrite(output, self._inputs)
            write_image(output, _cut(pixels, square, settings.size))
            self._sides.append(square.side)
            yield _row(source, output, square, settings.size, time.perf_counter() - started)
            started = time.perf_counter()

    def notes(self) -> Iterator[str]:
        """Yields a sentence about wrong boxes of each kind, and one about enlarged crops."""
        for fault, number in self._faults.items():
            yield f"boxes {fault} are left out: {number}, e.g. of {self._faulty[fault]}"
        if small := [side for side in self._sides if side < self._settings.size]:
            larger = "--least or --margin" if self._settings.side is None else "--side"
            yield (
                f"crops are enlarged: {len(small)} of {len(self._sides)}, the smallest from {min(small)} to "
                f"{self._settings.size} px; a generator learns their blur. Choose a smaller --size or a larger "
                f"{larger}"
            )

    def _usable(self, source: Path, boxes: Sequence[Box], width: int, height: int) -> list[Box]:
        """Returns the boxes that are used; raises PhotopulseError with all reasons if there are none."""
        refusals = [self._settings.boxes.refusal(box, width, height) for box in boxes]
        reasons = Counter(refusal for refusal in refusals if refusal is not None)
        for fault in (ENDLESS, OUTSIDE):
            if fault in reasons:
                self._faults[fault] += reasons[fault]
                self._faulty.setdefault(fault, source)
        usable = [box for box, refusal in zip(boxes, refusals, strict=True) if refusal is None]
        if not usable:
            told = "; ".join(f"{number} {refusal}" for refusal, number in reasons.most_common())
            raise no_crops(
                source,
                f"none of its boxes is used: {told}" if told else "there is no box in it",
                "correct the boxes, change these limits, or leave the picture out",
            )
        return usable


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
