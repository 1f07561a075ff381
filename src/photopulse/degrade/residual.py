"""How far the true large picture lies from the small one that was observed, so that no search fits the noise."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from photopulse.degrade.declared import Declared
    from photopulse.degrade.downscale import Degradation

_USUAL_SIDE = 1024
_LARGEST_SIDE = 256
_PIXELS = 2**14
_STEEPNESS = 1.5
_CONTRAST = 0.2


def measuring_side(operator: "Degradation", side: int | None) -> int:
    """Returns the side of the small pictures to measure with: that one, or as if the large ones had 1024 px."""
    return min(side or max(1, _USUAL_SIDE // operator.factor), _LARGEST_SIDE)


@lru_cache(maxsize=64)
@torch.no_grad()
def measured_error(operator: "Declared", side: int) -> float:
    """Measures the mean squared error, white being 1, between ``operator(truth)`` and what is observed of it.

    Noise shrinks with the downscaling, is partly removed by a later blur and partly kept by a later JPEG. Measured with
    fixed seeds on random pictures as smooth as portraits, which only matters for noise under JPEG: there it is good to
    a third, else to a tenth.

    Args:
        operator: of the size that the picture was observed with, not one made ``with_factor`` of it.
        side: of the small picture.
    """
    random = torch.Generator().manual_seed(0)
    pictures = _natural(side * operator.factor, random)
    return (operator.observe(pictures, random) - operator(pictures)).square().mean().item()


def _natural(side: int, random: torch.Generator) -> Tensor:
    """Random pictures, (B, 3, side, side) in [0, 1], mostly gray, with falling amplitudes.

    Amplitudes fall by the frequency to the power of ``_STEEPNESS``, between the 1 of landscapes (Field 1987) and
    the 2 of blurred ones; with it, the pictures' finest details shrink with their size as those of portraits do.
    """
    batch = max(1, _PIXELS // side**2)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(torch.randn(batch, 4, side, side, generator=random).numpy())
    planes = torch.as_tensor(np.fft.irfft2(white / frequency**_STEEPNESS, s=(side, side))).float()
    pictures = planes[:, :1] + planes[:, 1:] / 4
    pictures = pictures / pictures.std(dim=(1, 2, 3), keepdim=True)
    return (0.5 + _CONTRAST * pictures).clamp(0, 1)
