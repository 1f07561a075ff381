"""Writes a sheet that shows a photo before and after its restoration, side by side and labelled."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from photopulse.images import Photo, from_uint8, read_image, to_uint8, write_image
from photopulse.reporting.lettering import Lettering
from photopulse.restoration.restored_photo import RestoredPhoto

# Larger pictures are shown smaller, so that a sheet opens anywhere.
LARGEST_SIDE = 2048

_GAP = 8
_PAPER = (255, 255, 255)


def write_comparison(path: Path, source: Path, restored: RestoredPhoto) -> None:
    """Writes the input, resized to the result's size by bicubic interpolation, and the result beside it.

    Each has at most ``LARGEST_SIDE`` px on its longer side; transparent parts are white.

    Args:
        path: PNG file to write.
        source: file of the input.
        restored: result.

    Raises:
        PhotopulseError: if the input cannot be read again or the sheet cannot be written.
    """
    # Bring both to one size, then draw them on white paper below their labels.
    width, height = restored.size
    shrink = min(LARGEST_SIDE / max(width, height), 1)
    size = max(round(width * shrink), 1), max(round(height * shrink), 1)
    before, after = (_shown(photo, size) for photo in (read_image(source, own_colours=True), restored.photo))
    lettering = Lettering.for_cell(size[0])
    sheet = Image.new("RGB", (2 * size[0] + 3 * _GAP, lettering.line + size[1] + _GAP), _PAPER)
    for left, name, picture in ((_GAP, "before", before), (size[0] + 2 * _GAP, "after", after)):
        lettering.write(sheet, (left, 0, left + size[0], lettering.line), name)
        sheet.paste(picture, (left, lettering.line))
    write_image(path, from_uint8(np.asarray(sheet)), icc_profile=restored.photo.icc_profile)


def _shown(photo: Photo, size: tuple[int, int]) -> Image.Image:
    picture = Image.fromarray(to_uint8(_on_white(photo)))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def _on_white(photo: Photo) -> Tensor:
    return photo.pixels if photo.alpha is None else photo.pixels * photo.alpha + (1 - photo.alpha)
