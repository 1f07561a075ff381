"""Halftone becomes even tones: in each tile's spectrum what a screen has put there is lowered to what lies around."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.restoration.screens import Screen

_TILE: Final = 64  # px; tiles overlap by a half.
_ORDERS: Final = range(-3, 4)  # Overtones of a screen, and sums of those of its two directions.
_HIGHEST: Final = 3  # Sum of both orders.
_REACH: Final = 0.32  # Of a peak, as a share of the screen's frequency: the tones change from dot to dot.
_LEAST_REACH: Final = 2.5  # Steps of frequency.
# From the first to the second share of the screen's frequency it is measured how much a tile shows; above, no place of
# the spectrum is to show more than that, continued as the spectra of pictures fall; at the peaks of the screen less.
_OWN: Final = (0.2, 0.6)
_FALL: Final = 1.3  # Exponent of the amplitudes of pictures over frequency.
_AT_PEAKS: Final = 0.2
_ELSEWHERE: Final = 0.7
_STRONG: Final = 6.0  # Strength of a screen of which nothing is left but dots; of a weaker one details are left, too.
# How much the peaks of a tile show, over its own level, where nothing is done to it, and where all is.
_PRESENT: Final = (1.3, 2.0)
_AT_PEAK: Final = 1.2  # Of 2 at a peak and 0 at the end of its reach: there dots show most.


@dataclass(frozen=True, kw_only=True, eq=False)
class _Limits:
    """What a tile's spectrum (T, T // 2 + 1) may show.

    Attributes:
        weight: makes the spectra of pictures even.
        seen: where a tile's level is measured.
        allowed: amplitude over the level.
        peaks: of the screens' own frequency.
    """

    weight: Tensor
    seen: Tensor
    allowed: Tensor
    peaks: Tensor


def without_screens(photo: Tensor, screens: Sequence[Screen]) -> Tensor:
    """Removes screens from a photo (1, 3, H, W) in [0, 1]; tiles that show no dots stay as they are."""
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
    """How near to a peak, up to that order, each place of a tile's spectrum (T, T // 2 + 1) is, 0 to 2."""
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
    """Cycles in a px, downwards (T, 1) and to the right (1, T // 2 + 1)."""
    rows, columns = cast(Tensor, torch.fft.fftfreq(_TILE)), cast(Tensor, torch.fft.rfftfreq(_TILE))
    return rows[:, None], columns[None]


def _cleaned(plane: Tensor, limits: _Limits) -> Tensor:
    """A plane (H, W) without what is more than allowed; strip by strip, so that large photos need little memory."""
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
    """The share of each amplitude of tiles' spectra (N, T, T // 2 + 1) that stays."""
    level = (size * limits.weight)[:, limits.seen].mean(1).clamp(min=1e-9)
    shown = (size * limits.weight)[:, limits.peaks].mean(1) / level
    present = ((shown - _PRESENT[0]) / (_PRESENT[1] - _PRESENT[0])).clamp(0, 1)[:, None, None]
    kept = (level[:, None, None] * limits.allowed / size.clamp(min=1e-9)).clamp(max=1)
    return 1 + present * (kept - 1)
