"""Finds boxes where no file tells them: in masks, by brightness, in the middle, and on a grid."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import image_files, read_image, to_uint8
from photopulse.training.crops.box_files import read_boxes
from photopulse.training.crops.boxes import Box, FindBoxes, no_crops, refuse_smaller
from photopulse.training.crops.matching import Matching, Pictures

WAYS: Final = ("masks", "bright", "centre", "grid")

_WHITE: Final = 2**16 - 1
_BLUR: Final = 1.0  # px; single bright pixels are noise.


def box_finder(
    boxes: str, pictures: Pictures, *, masks: Path | None = None, side: int, named: bool = False
) -> FindBoxes:
    """Returns what finds the boxes of a picture, or raises PhotopulseError with the reason why it has none.

    Args:
        boxes: ``"masks"``, ``"bright"`` (what is brighter than the background, by Otsu's threshold), ``"centre"``
            (the middle square), ``"grid"`` (squares side by side), or the path of a file of ``read_boxes``.
        pictures: all pictures; an entry of a file of boxes, or a mask, is used for one of them only (``Matching``).
        masks: folder of the masks, each named as its picture. Black is the background. In a mask of one other value,
            each connected part is a thing; in a mask of several, each value is one, as labelling programs write them.
        side: side of the squares of a grid in px.
        named: whether boxes of a file need the names of their things.

    Raises:
        PhotopulseError: if the file of boxes cannot be read, the folder of masks is missing, or one is given that is
            not used.
    """
    if boxes == "masks":
        if masks is None:
            raise PhotopulseError(
                "cannot find the boxes", why="no masks were given", fix="name their folder with --masks"
            )
        return _MaskFinder(masks, pictures)
    if masks is not None:
        raise PhotopulseError(
            f"cannot use the masks of {masks}",
            why=f"the boxes are those of {boxes}",
            fix="choose --boxes masks, or leave --masks out",
        )
    if boxes == "bright":
        return _bright
    if boxes == "centre":
        return lambda _file, pixels: [_whole(pixels)]
    if boxes == "grid":
        return lambda file, pixels: _grid(file, pixels, side)
    return _ListFinder(Path(boxes), pictures, named=named)


class _ListFinder:
    """Finds the things that a file of boxes tells."""

    def __init__(self, path: Path, pictures: Pictures, *, named: bool) -> None:
        self._path = path
        self._boxes = read_boxes(path, recursive=pictures.recursive, named=named)
        self._matching = Matching(pictures, self._boxes, mirrored=path.is_dir())

    def __call__(self, file: Path, _pixels: Tensor) -> list[Box]:
        entry = self._matching.find(file)
        if entry is None:
            raise _not_listed(file, f"{self._path} has no box for it", self._matching)
        return list(self._boxes[entry])


class _MaskFinder:
    """Finds the things in the mask that has the picture's name."""

    def __init__(self, folder: Path, pictures: Pictures) -> None:
        files = image_files([folder], recursive=pictures.recursive)
        self._folder = folder
        top = folder if folder.is_dir() else folder.parent
        self._files = {PurePosixPath(file.relative_to(top).as_posix()): file for file in files}
        self._matching = Matching(pictures, self._files, mirrored=True)

    def __call__(self, file: Path, pixels: Tensor) -> list[Box]:
        # Find the mask.
        entry = self._matching.find(file)
        if entry is None:
            raise _not_listed(file, f"{self._folder} has no mask of its name", self._matching)
        # Read it.
        mask = read_image(self._files[entry]).pixels
        if mask.shape[2:] != pixels.shape[2:]:
            raise PhotopulseError(
                f"cannot use the mask {self._files[entry]}",
                why=f"it has {_size(mask)} pixels, and its picture has {_size(pixels)}",
                fix="give a mask of the same size",
            )
        if not mask.any():
            raise no_crops(file, f"its mask {self._files[entry]} is empty: all black")
        return _things_in(mask)


def _not_listed(file: Path, why: str, matching: Matching) -> PhotopulseError:
    if like := matching.like(file):
        fix = "mend the names: a folder before one must be that of its picture"
        return no_crops(file, f"{why}, but one for another picture, {like}", fix)
    return no_crops(file, why)


def _things_in(mask: Tensor) -> list[Box]:
    # One number for each colour, 0 for black.
    deep = np.rint(mask[0].double().numpy() * _WHITE).astype(np.int64)
    colours = (deep[0] * (_WHITE + 1) + deep[1]) * (_WHITE + 1) + deep[2]
    values, labels = np.unique(colours, return_inverse=True)
    labels = labels.reshape(colours.shape) + (0 if values[0] == 0 else 1)
    # One value may be many things, several values are one thing each.
    if labels.max() <= 1:
        return _things(labels > 0)
    places = cast(Sequence[tuple[slice, slice] | None], ndimage.find_objects(labels))
    return [
        Box(left=across.start, top=down.start, right=across.stop, bottom=down.stop)
        for down, across in (place for place in places if place is not None)
    ]


def _bright(file: Path, pixels: Tensor) -> list[Box]:
    gray = cv2.cvtColor(to_uint8(pixels), cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(gray, (0, 0), _BLUR)
    # Otsu's threshold of an even picture is below its only value.
    if smooth.min() == smooth.max():
        raise no_crops(file, "nothing in it is brighter than the rest")
    _, mask = cv2.threshold(smooth, 0, 255, cv2.THRESH_OTSU)
    return _things(mask > 0)


def _things(mask: npt.NDArray[np.bool_]) -> list[Box]:
    """Returns the boxes of the connected parts of a mask (H, W)."""
    _, _, numbers, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    rows = cast(Sequence[Sequence[int]], cast(Any, numbers)[1:].tolist())  # The first part is the background.
    return [Box(left=x, top=y, right=x + width, bottom=y + height) for x, y, width, height, _ in rows]


def _grid(file: Path, pixels: Tensor, side: int) -> list[Box]:
    height, width = pixels.shape[2:]
    refuse_smaller(file, pixels, side)
    return [
        Box(left=left, top=top, right=left + side, bottom=top + side)
        for top in range(0, height - side + 1, side)
        for left in range(0, width - side + 1, side)
    ]


def _whole(pixels: Tensor) -> Box:
    height, width = pixels.shape[2:]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return Box(left=left, top=top, right=left + side, bottom=top + side)


def _size(pixels: Tensor) -> str:
    return f"{pixels.shape[-1]} x {pixels.shape[-2]}"
