"""A Gaussian blur whose running time does not grow with its width."""

import math
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt

_NARROW: Final = 8.0  # Blurs with less than twice this standard deviation in px are computed at full size.

Pixels = npt.NDArray[np.float32]


def smoothed(pixels: Pixels, deviation: float) -> Pixels:
    """Blurs pixels (H, W) or (H, W, C) with a Gaussian of standard deviation ``deviation`` px; edges are mirrored.

    A wide blur is computed on a downscaled picture; the result differs by at most 0.4 % of the contrast.
    """
    # Narrow blurs directly.
    factor = 2 ** max(math.floor(math.log2(max(deviation, 1e-6) / _NARROW)), 0)
    height, width = pixels.shape[:2]
    if factor == 1 or min(height, width) < 4 * factor:
        return cast(Pixels, cv2.GaussianBlur(pixels, (0, 0), deviation, borderType=cv2.BORDER_REFLECT))
    # Downscale by averaging blocks; the picture is continued to whole blocks.
    below, right = -height % factor, -width % factor
    whole = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REFLECT)
    size = (whole.shape[1] // factor, whole.shape[0] // factor)
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    # Blur by the rest: block averages and linear interpolation have a variance of 1/12 and 1/6 themselves.
    rest = math.sqrt(max((deviation / factor) ** 2 - 1 / 12 - 1 / 6, 0.01))
    small = cv2.GaussianBlur(small, (0, 0), rest, borderType=cv2.BORDER_REFLECT)
    large = cv2.resize(small, (whole.shape[1], whole.shape[0]), interpolation=cv2.INTER_LINEAR)
    return cast(Pixels, large[:height, :width])
