"""What printing and years do to photos: screens of dots or lines, and dyes that fade. For tests and measurements."""

import math
from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.images.gray import gray_of

_FINE: Final = 4  # Dots are drawn at so many times the size.
_INKS: Final = (15.0, 75.0, 0.0)  # Degrees at which cyan, magenta and yellow are printed beside black's 45.
_TURNS: Final = 512  # Steps of a wave whose values are ranked.
_DEEPEST: Final = 2.1  # The density of black: 0.8 % of the light.


def screened(photo: Tensor, *, period: float, angle: float = 45.0, lines: bool = False, colour: bool = False) -> Tensor:
    """Prints a photo (1, 3, H, W) in [0, 1] in halftone and scans it: dots, or lines, as large as the tone is dark.

    Args:
        photo: to be printed.
        period: of the dots in px: the scan's dpi over the screen's lines in an inch.
        angle: of the screen, in degrees.
        lines: of lines instead of dots.
        colour: in three inks, each at its own angle round ``angle``; else in black ink, as a black and white photo.
    """
    if not colour:
        luma = gray_of(photo)
        return _printed(luma, period, angle, lines=lines).repeat(1, 3, 1, 1)
    planes = [photo[:, place : place + 1] for place in range(3)]
    inks = zip(planes, _INKS, strict=True)
    return torch.cat([_printed(plane, period, angle - 45 + turn, lines=lines) for plane, turn in inks], dim=1)


def faded(photo: Tensor, *, kept: Sequence[float], stain: Sequence[float]) -> Tensor:
    """Fades the dyes of a print (1, 3, H, W) in [0, 1].

    Args:
        photo: as it was.
        kept: share of the density of cyan, magenta and yellow dye that is left, as seen in red, green and blue light.
        stain: density that the paper has gained in each of them.
    """
    light = torch.where(photo <= 0.04045, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4)
    density = -torch.log10(light.clamp(min=10**-_DEEPEST))
    density = density * photo.new_tensor(kept).view(1, 3, 1, 1) + photo.new_tensor(stain).view(1, 3, 1, 1)
    light = 10**-density
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).clamp(0, 1)


def _printed(plane: Tensor, period: float, angle: float, *, lines: bool) -> Tensor:
    height, width = plane.shape[2:]
    fine = F.interpolate(plane, scale_factor=_FINE, mode="bilinear", align_corners=False)
    y = torch.arange(height * _FINE).view(-1, 1) / (_FINE * period) * 2 * math.pi
    x = torch.arange(width * _FINE).view(1, -1) / (_FINE * period) * 2 * math.pi
    across, along = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    wave = torch.cos(across * x + along * y)
    turns = torch.cos(2 * math.pi * torch.arange(_TURNS) / _TURNS)
    ranks = turns
    if not lines:
        wave = (wave + torch.cos(across * y - along * x)) / 2
        ranks = ((turns[:, None] + turns) / 2).flatten()
    # Ink lies where the wave's rank among all its values is above the tone, so that the mean stays the tone.
    rank = torch.searchsorted(ranks.sort().values[:: len(ranks) // _TURNS].contiguous(), wave.contiguous()) / _TURNS
    return F.avg_pool2d((fine > rank).to(plane), _FINE)
