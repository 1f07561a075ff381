"""Finds boxes where no file tells them: in masks, by brightness, in the middle, and on a grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import image_files, read_image, to_uint8
from photopulse.training.crops.box_files import Boxes, read_boxes
from photopulse.training.crops.boxes import Box, FindBoxes

WAYS: Final = ("masks", "bright", "centre", "grid")

_WHITE: Final = 2**16 - 1
_BLUR: Final = 1.0  # px; single bright pixels are noise.


def box_finder(boxes: str, *, masks: Path | None, side: int) -> FindBoxes:
    """Returns what finds the boxes of a picture.

    Args:
        boxes: ``"masks"``, ``"bright"`` (what is brighter than the background, by Otsu's threshold), ``"centre"``
            (the middle square), ``"grid"`` (squares side by side), or the path of a file of ``read_boxes``.
        masks: folder of the masks, each named as its picture. Black is the background. In a mask of one other value,
            each connected part is a thing; in a mask of several, each value is one, as labelling programs write them.
        side: side of the squares of a grid in px.

    Raises:
        PhotopulseError: if the file of boxes cannot be read, or the folder of masks is missing.
    """
    if boxes == "masks":
        if masks is None:
            raise PhotopulseError(
                "cannot find the boxes", why="no masks were given", fix="name their folder with --masks"
            )
        return _MaskFinder(masks)
    if boxes == "bright":
        return lambda _file, pixels: _bright(pixels)
    if boxes == "centre":
        return lambda _file, pixels: [_whole(pixels)]
    if boxes == "grid":
        return lambda _file, pixels: _grid(pixels, side)
    return _listed(read_boxes(Path(boxes)))


def _listed(boxes: Boxes) -> FindBoxes:
    return lambda file, _pixels: list(boxes.get(file.stem, ()))


class _MaskFinder:
    """Finds the things in the mask that has the picture's name."""

    def __init__(self, folder: Path) -> None:
        self._files = {file.stem: file for file in image_files([folder])}

    def __call__(self, file: Path, pixels: Tensor) -> list[Box]:
        mask_file = self._files.get(file.stem)
        if mask_file is None:
            return []
        mask = read_image(mask_file).pixels
        if mask.shape[2:] != pixels.shape[2:]:
            raise PhotopulseError(
                f"cannot use the mask {mask_file}",
                why=f"it has {_size(mask)} pixels, and its picture has {_size(pixels)}",
                fix="give a mask of the same size",
            )
        return _things_in(mask)


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


def _bright(pixels: Tensor) -> list[Box]:
    gray = cv2.cvtColor(to_uint8(pixels), cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(gray, (0, 0), _BLUR)
    _, mask = cv2.threshold(smooth, 0, 255, cv2.THRESH_OTSU)
    return _things(mask > 0)


def _things(mask: npt.NDArray[np.bool_]) -> list[Box]:
    """Returns the boxes of the connected parts of a mask (H, W)."""
    _, _, numbers, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    rows = cast(Sequence[Sequence[int]], cast(Any, numbers)[1:].tolist())  # The first part is the background.
    return [Box(left=x, top=y, right=x + width, bottom=y + height) for x, y, width, height, _ in rows]


def _grid(pixels: Tensor, side: int) -> list[Box]:
    height, width = pixels.shape[2:]
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
