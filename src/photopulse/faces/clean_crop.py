"""Cleans the crop of a face with the photo network, before the face is redrawn."""

from collections.abc import Callable
from typing import Final

from torch import Tensor

from photopulse.images.resize import resized

CROP_SIZE: Final = 512
"""Height and width of the crops that are restored."""

_CLEANED_SIZES: Final = (64, 96, 128, 192, 256, 384)
_ROOM: Final = 3.2  # Over the effective resolution: less costs likeness, more lets enlarged noise through.


def cleaned_crop(crop_of: Callable[[int], Tensor], resolution: float, clean: Callable[[Tensor], Tensor]) -> Tensor:
    """Returns a face, cleaned at about three times its effective resolution, (1, 3, 512, 512) in [0, 1].

    The photo network cannot remove noise and blocks that were enlarged further than that.

    Args:
        crop_of: returns the crop (1, 3, size, size) of a given size.
        resolution: effective resolution of the face in px, see ``Evidence``.
        clean: the photo network.
    """
    wanted = _ROOM * resolution
    size = next((size for size in _CLEANED_SIZES if size >= wanted), CROP_SIZE)
    return resized(clean(crop_of(size).clamp(0, 1)), CROP_SIZE, CROP_SIZE).clamp(0, 1)
