"""The error that noise leaves even for the true picture, measured; a search that goes below it fits the noise."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from photopulse.degrade.declared import Declared
    from photopulse.degrade.downscale import Degradation

# Of the pictures to measure with: sides in px, least pixels in a batch, spectral slope, standard deviation.
_USUAL_SIDE = 1024
_LARGEST_SIDE = 256
_PIXELS = 2**14
_STEEPNESS = 1.5
_CONTRAST = 0.2


def measuring_side(operator: "Degradation", side: int | None) -> int:
    """Returns the side of the small pictures to measure with: ``side``, or as if the large ones had 1024 px."""
    return min(side or max(1, _USUAL_SIDE // operator.factor), _LARGEST_SIDE)


@lru_cache(maxsize=64)
@torch.no_grad()
def measured_error(operator: "Declared", side: int) -> float:
    """Measures the mean squared error (white is 1) between the expected and an observed small picture.

    Downscaling reduces noise, a later blur removes a part of it, and a later JPEG keeps a part of it; so the error is
    measured, with fixed seeds, on random pictures with the smoothness of portraits. The smoothness matters only for
    noise before JPEG, where the result is accurate to a third; otherwise it is accurate to a tenth.

    Args:
        operator: the degradation as declared, not one that ``with_factor`` returned.
        side: side of the small picture in px.
    """
    random = torch.Generator().manual_seed(0)
    pictures = _natural(side * operator.factor, random)
    return (operator.observe(pictures, random) - operator(pictures)).square().mean().item()


def _natural(side: int, random: torch.Generator) -> Tensor:
    """Draws random pictures (B, 3, side, side) in [0, 1], mostly grey, with the spectrum of natural images.

    Amplitudes fall with the frequency to the power of ``_STEEPNESS``. Its value lies between 1, which is usual for
    landscapes (Field 1987), and 2, for blurred ones; with it, fine detail depends on the size as it does in portraits.
    """
    # Amplitudes of a power law, and white noise for the phases.
    batch = max(1, _PIXELS // side**2)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(torch.randn(batch, 4, side, side, generator=random).numpy())
    # One plane for all channels, and a fourth of another for each, as colours are correlated.
    planes = torch.as_tensor(np.fft.irfft2(white / frequency**_STEEPNESS, s=(side, side))).float()
    pictures = planes[:, :1] + planes[:, 1:] / 4
    pictures = pictures / pictures.std(dim=(1, 2, 3), keepdim=True)
    return (0.5 + _CONTRAST * pictures).clamp(0, 1)
