"""How far the true large picture lies from the small one that was observed, so that no search fits the noise."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from photopulse.degrade.corruptions import Corruption
from photopulse.degrade.declared import Declared
from photopulse.degrade.downscale import Bicubic, Degradation
from photopulse.degrade.noise import ChromaNoise, GaussianNoise, SaltAndPepper

_USUAL_SIDE = 1024
_LARGEST_SIDE = 256
_PIXELS = 2**14
_STEEPNESS = 1.5
_CONTRAST = 0.2


def expected_error(operator: Degradation, *, side: int | None = None) -> float:
    """Returns the mean squared error, white being 1, between ``operator(truth)`` and what was observed of it.

    It is what the random parts leave: noise shrinks with the downscaling, is partly removed by a later blur and
    partly kept by a later JPEG. Zero where nothing is random. Measured with fixed seeds on random pictures as
    smooth as portraits, which only matters for noise under JPEG: there it is good to a third, else to a tenth.

    Args:
        operator: of the size that the picture was observed with, not one made ``with_factor`` of it.
        side: of the small picture; by default as if the large one had 1024 px.
    """
    if not isinstance(operator, Declared):
        return 0.0
    return _measured(operator, min(side or max(1, _USUAL_SIDE // operator.factor), _LARGEST_SIDE))


@lru_cache(maxsize=64)
@torch.no_grad()
def _measured(operator: Declared, side: int) -> float:
    if not any(_is_random(part) for part in (*operator.before, *operator.after)):
        return 0.0
    if not any(_is_random(part) for part in operator.before):
        # What happened to the large picture is exact, so the small one can be made up directly.
        operator = Declared((), Bicubic(1), operator.after)
    random = torch.Generator().manual_seed(0)
    pictures = _natural(side * operator.factor, random)
    return (operator.observe(pictures, random) - operator(pictures)).square().mean().item()


def _is_random(part: Corruption) -> bool:
    return isinstance(part, GaussianNoise | ChromaNoise | SaltAndPepper)


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
