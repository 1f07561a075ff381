"""Photos in the shades of one colour (black and white in three channels, sepia, cyanotype): they keep their tint."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images.arrays import to_array
from photopulse.images.gray import gray_of

_LEVELS: Final = 64
_LEAST_LEVELS, _LEAST_SHARE = 12, 0.0005  # Of the pixels, at each of so many levels.
_LOOKED_AT: Final = 100_000  # Pixels, evenly spread.
# How far the colours may lie from the tint's, of 255: as a root mean square, and where they are farthest.
_MOST_SPREAD: Final = 3.0
_FARTHEST: Final = 14.0
_FARTHEST_SHARE: Final = 99.9  # Percentile: compression leaves a few odd pixels.


class Tint:
    """The colour of each luma.

    Args:
        luma: rising, (N,) in [0, 1].
        colours: (N, 3).
    """

    def __init__(self, luma: NDArray[np.float32], colours: NDArray[np.float32]) -> None:
        self._luma = luma
        self._colours = colours

    def of(self, image: Tensor) -> Tensor:
        """Gives each pixel of an image (1, 3, H, W) in [0, 1] the tint's colour, with the image's luma kept."""
        luma = gray_of(image)[0, 0].cpu().numpy()
        channels = [np.interp(luma, self._luma, self._colours[:, channel]) for channel in range(3)]
        coloured = torch.from_numpy(np.stack(channels).astype(np.float32))[None].to(image)
        # Beyond the lumas that were seen, and between them, the colour is that of the nearest, as bright as the image.
        return (coloured + gray_of(image) - gray_of(coloured)).clamp(0, 1)


def find_tint(photo: Tensor) -> Tint | None:
    """Finds the tint of a photo (1, 3, H, W) in [0, 1]; None if it has more than one colour, or is no photo.

    A drawing of a few colours, each of another brightness, has none: its colours would be taken for shades.
    """
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
    means = means.astype(np.float32)
    tint = Tint(means[:, 0], means[:, 1:])
    picture = torch.from_numpy(np.ascontiguousarray(pixels.T)).view(1, 3, 1, -1)
    distance = (tint.of(picture) - picture).square().sum(1).sqrt().flatten().numpy() * 255
    spread = float(np.sqrt(np.square(distance).mean()))
    farthest = float(np.percentile(distance, _FARTHEST_SHARE))
    return tint if spread <= _MOST_SPREAD and farthest <= _FARTHEST else None
