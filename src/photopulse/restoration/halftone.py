"""Removes halftone: in each tile's spectrum, the peaks of a screen are lowered to the level of the picture around."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.restoration.screens import Screen

_TILE: Final = 64  # px; tiles overlap by a half.
_ORDERS: Final = range(-3, 4)  # Harmonics of a screen in each of its two directions; their sums have peaks, too.
_HIGHEST: Final = 3  # Highest sum of the orders in both directions.
_REACH: Final = 0.32  # Radius of a peak, as a share of the screen's frequency: changing tones broaden the peaks.
_LEAST_REACH: Final = 2.5  # Smallest radius of a peak, in steps of frequency.
# A tile's level is measured between these shares of the screen's frequency. Amplitudes above that band are limited to
# the level, which falls with frequency as in pictures, and at the peaks of the screen to less.
_OWN: Final = (0.2, 0.6)
_FALL: Final = 1.3  # Exponent by which the amplitudes of pictures fall with frequency.
_AT_PEAKS: Final = 0.2
_ELSEWHERE: Final = 0.7
_STRONG: Final = 6.0  # Strength of a screen that hides all fine detail; under a weaker one, more detail is kept.
# Height of a tile's peaks over its level up to which the tile stays unchanged, and from which on all is applied.
_PRESENT: Final = (1.3, 2.0)
_AT_PEAK: Final = 1.2  # Nearness to a peak (2 at the peak, 0 at its radius) from which on its height is measured.


@dataclass(frozen=True, kw_only=True, eq=False)
class _Limits:
    """The limits of the amplitudes of a tile's spectrum; each attribute has the shape (T, T // 2 + 1).

    Attributes:
        weight: factor that makes the mean spectrum of pictures flat.
        seen: mask of the frequencies at which a tile's level is measured.
        allowed: largest amplitude, over the level.
        peaks: mask of the peaks at the screens' fundamental frequency.
    """

    weight: Tensor
    seen: Tensor
    allowed: Tensor
    peaks: Tensor


def without_screens(photo: Tensor, screens: Sequence[Screen]) -> Tensor:
    """Returns a photo (1, 3, H, W) in [0, 1] without its screens; tiles that show no dots are unchanged."""
    if not screens:
        return photo
    limits = _limits(screens)
    gray = bool((photo == photo[:, :1]).all())
    planes = [_cleaned(plane, limits) for plane in (photo[0, :1] if gray else photo[0])]
    return torch.stack(planes)[None].expand(-1, 3, -1, -1).clamp(0, 1)


def _limits(screens: Sequence[Screen]) -> _Limits:
    down, right = _frequencies()
    frequency, near = torch.hypot(down, right), _near_peaks(screens, _HIGHEST).clamp(max=1)
    first, last = (share / max(screen.period for screen in screens) for share in _OWN)
    elsewhere = _ELSEWHERE * max(_STRONG / screens[0].strength, 1) ** 2
    weight = frequency.clamp(min=1 / _TILE) ** _FALL
    allowed = (elsewhere + (_AT_PEAKS - elsewhere) * near) / weight
    return _Limits(
        weight=weight,
        seen=(frequency >= first) & (frequency < last),
        allowed=torch.where(frequency >= last, allowed, math.inf),
        peaks=_near_peaks(screens, 1) > _AT_PEAK,
    )


def _near_peaks(screens: Sequence[Screen], highest: int) -> Tensor:
    """Returns how near each frequency (T, T // 2 + 1) is to a peak up to that order, from 0 (far) to 2 (at it)."""
    # Take the nearest of all peaks of all screens.
    y, x = _frequencies()
    near = torch.zeros(_TILE, _TILE // 2 + 1)
    for screen in screens:
        turn, length = math.radians(screen.angle), 1 / screen.period
        along, across = length * math.cos(turn), length * math.sin(turn)
        reach = max(_REACH * length, _LEAST_REACH / _TILE)
        for first in _ORDERS:
            for second in (0,) if screen.lines else _ORDERS:
                if 0 < abs(first) + abs(second) <= highest:
                    down, right = first * across + second * along, first * along - second * across
                    near = torch.maximum(near, 2 - 2 * torch.hypot(y - down, x - right) / reach)
    return near


def _frequencies() -> tuple[Tensor, Tensor]:
    """Returns the frequencies in cycles per px, vertical (T, 1) and horizontal (1, T // 2 + 1)."""
    rows, columns = cast(Tensor, torch.fft.fftfreq(_TILE)), cast(Tensor, torch.fft.rfftfreq(_TILE))
    return rows[:, None], columns[None]


def _cleaned(plane: Tensor, limits: _Limits) -> Tensor:
    """Returns a plane (H, W) with its amplitudes limited, computed in strips to save memory in large photos."""
    # Pad to whole tiles, then limit and add up overlapping, windowed tiles.
    hop, (height, width) = _TILE // 2, plane.shape
    below, right = -height % hop, -width % hop
    padding = "reflect" if min(plane.shape) > _TILE else "replicate"
    padded = F.pad(plane[None, None], (hop, hop + right, hop, hop + below), mode=padding)[0, 0]
    wave = torch.sin(math.pi * (torch.arange(_TILE) + 0.5) / _TILE)
    window = wave[:, None] * wave
    result = torch.zeros_like(padded)
    for top in range(0, padded.shape[0] - _TILE + 1, hop):
        tiles = padded[top : top + _TILE].unfold(1, _TILE, hop).permute(1, 0, 2)
        mean = tiles.mean((1, 2), keepdim=True)
        spectrum = cast(Tensor, torch.fft.rfft2((tiles - mean) * window))
        spectrum = spectrum * _kept(spectrum.abs(), limits)
        clean = cast(Tensor, torch.fft.irfft2(spectrum, s=(_TILE, _TILE))) * window + mean * window.square()
        for place, tile in enumerate(clean.unbind()):
            result[top : top + _TILE, place * hop : place * hop + _TILE] += tile
    return result[hop : hop + height, hop : hop + width]


def _kept(size: Tensor, limits: _Limits) -> Tensor:
    """Returns the factor in [0, 1] for each amplitude of the tiles' spectra (N, T, T // 2 + 1)."""
    level = (size * limits.weight)[:, limits.seen].mean(1).clamp(min=1e-9)
    shown = (size * limits.weight)[:, limits.peaks].mean(1) / level
    present = ((shown - _PRESENT[0]) / (_PRESENT[1] - _PRESENT[0])).clamp(0, 1)[:, None, None]
    kept = (level[:, None, None] * limits.allowed / size.clamp(min=1e-9)).clamp(max=1)
    return 1 + present * (kept - 1)
