"""Grain is taken out before the photo network sees a picture: what it learned is blur and blocks more than noise."""

from typing import Final

import cv2
import numpy as np
from torch import Tensor

from photopulse.images.arrays import from_uint8, to_uint8
from photopulse.networks.photo import low_frequencies
from photopulse.restoration.look import noise_of

# Noise of 255 from which on grain is removed, and where all of it is; texture that is taken for noise lies below.
_FIRST: Final = 3.0
_ALL: Final = 6.0
_PATCH, _WINDOW = 5, 15  # px.
_KEPT: Final = 32  # Side in px of the squares whose mean colours stay.


def without_grain(photo: Tensor, measured: Tensor) -> Tensor:
    """Removes noise from a photo (1, 3, H, W) in [0, 1] by non-local means (Buades et al. 2005), as strong as it is.

    A photo with little noise is returned as it is. The mean colours of regions stay those of the photo.

    Args:
        photo: with noise.
        measured: the photo, of the same size, as ``look.measurable`` has it.
    """
    noise, chroma_noise = noise_of(measured)
    share = min(max((noise - _FIRST) / (_ALL - _FIRST), 0.0), 1.0)
    if not share:
        return photo
    pixels = np.ascontiguousarray(to_uint8(photo)[..., ::-1])
    # Colours are measured at half of the size, where independent noise is half as strong.
    colour = share * max(2 * chroma_noise, noise / 2)
    clean = cv2.fastNlMeansDenoisingColored(pixels, None, share * noise, colour, _PATCH, _WINDOW)
    change = from_uint8(np.ascontiguousarray(clean[..., ::-1], dtype=np.uint8)).to(photo) - photo
    return photo + change - low_frequencies(change, _KEPT)
