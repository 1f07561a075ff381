"""Measures the film grain that cleaning removed, and adds random grain of the same strength and spectrum everywhere."""

import math
from dataclasses import dataclass
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.images.gray import gray_of
from photopulse.images.resize import resized

_TILE: Final = 64  # px.
_SMOOTH: Final = 0.25  # Share of the tiles, those with the least contrast, that show grain and little else.
_RINGS: Final = 24  # Of frequencies, from 0 to that of a checkerboard.
_LEAST: Final = 0.7 / 255  # Standard deviation of grain that can be seen.
_BLACK_AND_WHITE: Final = 0.1  # Grain fades out within this distance of black and white, as it does on film.


@dataclass(frozen=True, kw_only=True, eq=False)
class Grain:
    """The measured strength and spectrum of film grain, which is isotropic.

    Attributes:
        deviation: standard deviation of the grain's luma, on the scale of [0, 1].
        spectrum: mean power in each of 24 rings of frequencies, (24,), from low to high.
    """

    deviation: float
    spectrum: Tensor


def measure_grain(photo: Tensor, clean: Tensor) -> Grain | None:
    """Returns the grain that cleaning removed from a photo; None if there is no visible grain.

    Args:
        photo: photo before cleaning, (1, 3, H, W) in [0, 1].
        clean: photo after cleaning, of the same size.
    """
    # Take the difference in the smoothest tiles, then its mean spectrum.
    if min(photo.shape[2:]) < _TILE:
        return None
    taken, kept = (_tiles(gray_of(picture)[0, 0]) for picture in (photo - clean, clean))
    contrast = kept.std((1, 2))
    smooth = taken[contrast <= contrast.quantile(_SMOOTH)]
    smooth = smooth - smooth.mean((1, 2), keepdim=True)
    deviation = math.sqrt(smooth.square().mean((1, 2)).median().item())
    if deviation < _LEAST:
        return None
    window = torch.hann_window(_TILE, periodic=False)
    power = cast(Tensor, torch.fft.fft2(smooth * window * window[:, None])).abs().square().mean(0)
    ring = _rings(_TILE, _TILE)
    sums = torch.zeros(_RINGS).index_add(0, ring.flatten(), power.flatten())
    return Grain(deviation=deviation, spectrum=sums / torch.bincount(ring.flatten(), minlength=_RINGS).clamp(min=1))


def with_grain(image: Tensor, grain: Grain, random: torch.Generator, *, growth: float = 1.0) -> Tensor:
    """Returns an image with grain added to its luma, clamped to [0, 1].

    Args:
        image: image (1, 3, H, W) in [0, 1].
        grain: grain to add.
        random: CPU generator; the same seed gives the same grain.
        growth: width of the image over that of the photo in which the grain was measured; the grain is enlarged by it.
    """
    # Shape white noise by the spectrum, then scale it.
    height, width = (max(round(side / growth), 2) for side in image.shape[2:])
    white = torch.randn(height, width, generator=random)
    amplitude = grain.spectrum.sqrt()[_rings(height, width)]
    drawn = cast(Tensor, torch.fft.ifft2(cast(Tensor, torch.fft.fft2(white)) * amplitude)).real
    drawn = drawn * (grain.deviation / drawn.std().clamp(min=1e-12))
    if growth != 1:
        # ``resized`` takes pictures in [0, 1] only, and grain has a mean of 0.
        drawn = resized((drawn + 0.5).expand(1, 3, -1, -1), *image.shape[2:])[0, 0] - 0.5
    luma = gray_of(image)
    seen = (torch.minimum(luma, 1 - luma) / _BLACK_AND_WHITE).clamp(0, 1)
    return (image + seen * drawn).clamp(0, 1)


def _tiles(plane: Tensor) -> Tensor:
    return F.unfold(plane[None, None], _TILE, stride=_TILE // 2)[0].T.reshape(-1, _TILE, _TILE)


def _rings(height: int, width: int) -> Tensor:
    """Returns the index of the ring to which each frequency of a spectrum (H, W) belongs."""
    rows, columns = (cast(Tensor, torch.fft.fftfreq(side)) for side in (height, width))
    frequency = torch.hypot(rows[:, None], columns[None])
    return (frequency / math.sqrt(0.5) * _RINGS).long().clamp(max=_RINGS - 1)
