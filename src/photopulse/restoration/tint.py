"""Finds and keeps the tint of photos in shades of one colour: black and white in three channels, sepia, cyanotype."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images.arrays import to_array
from photopulse.images.gray import gray_of

_LEVELS: Final = 64
_LEAST_LEVELS, _LEAST_SHARE = 12, 0.0005  # A photo has at least that share of its pixels at each of so many levels.
_LOOKED_AT: Final = 100_000  # Number of pixels that are measured, evenly spread.
# Largest distances of the colours from the tint's, of 255: root mean square, and at a high percentile.
_MOST_SPREAD: Final = 3.0
_FARTHEST: Final = 14.0
_FARTHEST_SHARE: Final = 99.9  # Percentile: compression leaves a few odd pixels.


class Tint:
    """The colour of a photo as a function of its luma.

    Args:
        luma: luma values (N,) in [0, 1], increasing.
        colours: RGB colour of each luma, (N, 3) in [0, 1].
    """

    def __init__(self, luma: NDArray[np.float32], colours: NDArray[np.float32]) -> None:
        self._luma = luma
        self._colours = colours

    def of(self, image: Tensor) -> Tensor:
        """Returns an image (1, 3, H, W) in [0, 1] in the tint's colours, with its luma kept."""
        luma = gray_of(image)[0, 0].cpu().numpy()
        channels = [np.interp(luma, self._luma, self._colours[:, channel]) for channel in range(3)]
        coloured = torch.from_numpy(np.stack(channels).astype(np.float32))[None].to(image)
        # Interpolated and extrapolated colours can have another luma than the image, so the difference is added.
        return (coloured + gray_of(image) - gray_of(coloured)).clamp(0, 1)


def find_tint(photo: Tensor) -> Tint | None:
    """Returns the tint of a photo (1, 3, H, W) in [0, 1]; None if it has several colours, or is no photo.

    A drawing in a few colours of different luma has no tint, because its colours are no shades of one.
    """
    # Compute the mean colour of each level of luma.
    pixels = to_array(photo).reshape(-1, 3)
    pixels = pixels[:: max(len(pixels) // _LOOKED_AT, 1)]
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    level = np.minimum((luma * _LEVELS).astype(np.int64), _LEVELS - 1)
    counts = np.bincount(level, minlength=_LEVELS)
    seen = counts > 0
    if (counts > _LEAST_SHARE * len(pixels)).sum() < _LEAST_LEVELS:
        return None
    columns = [luma, *pixels.T]
    means = np.stack([np.bincount(level, column, _LEVELS)[seen] / counts[seen] for column in columns], axis=1)
    # Measure how far the pixels are from these colours.
    means = means.astype(np.float32)
    tint = Tint(means[:, 0], means[:, 1:])
    picture = torch.from_numpy(np.ascontiguousarray(pixels.T)).view(1, 3, 1, -1)
    distance = (tint.of(picture) - picture).square().sum(1).sqrt().flatten().numpy() * 255
    spread = float(np.sqrt(np.square(distance).mean()))
    farthest = float(np.percentile(distance, _FARTHEST_SHARE))
    return tint if spread <= _MOST_SPREAD and farthest <= _FARTHEST else None
