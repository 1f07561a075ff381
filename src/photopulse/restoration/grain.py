"""Removes grain before the photo network, which is better at blur and JPEG blocks than at strong noise."""

from typing import Final

import cv2
import numpy as np
from torch import Tensor

from photopulse.images.arrays import from_uint8, to_uint8
from photopulse.networks.photo import low_frequencies
from photopulse.restoration.look import noise_of

# Standard deviation of the noise, of 255, at which removal begins and at which it is complete. Below the first, fine
# texture is measured as noise, too.
_FIRST: Final = 3.0
_ALL: Final = 6.0
_PATCH, _WINDOW = 5, 15  # px.
_KEPT: Final = 32  # Side in px of the squares whose mean colours stay.


def without_grain(photo: Tensor, measured: Tensor) -> Tensor:
    """Returns a photo without its grain, removed by non-local means (Buades et al. 2005) of the measured strength.

    A photo with little noise is returned unchanged. The mean colours of regions stay those of the photo.

    Args:
        photo: photo with grain, (1, 3, H, W) in [0, 1].
        measured: picture of the same size in which the noise is measured, see ``look.measurable``.
    """
    # Measure the noise, remove it, and keep the mean colours.
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
