"""Finds halftone screens, the rasters of dots or lines in prints, by their peaks in the power spectrum.

A screen covers the whole picture, while fences, cloth and bricks cover a part of it, so the median of the spectra of
many tiles is searched. A screen of dots has two peaks at a right angle, equally far from frequency 0. Peaks on the axes
are ignored, because JPEG blocks, scanner lines, letters, windows and walls have theirs there.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

_Plane = NDArray[np.float32]

_TILE: Final = 128  # px.
_MOST_TILES: Final = 8  # In each direction.
_LEAST_CONTRAST: Final = 1.0  # Standard deviation of a windowed tile, of 255: flatter tiles show no dots.
_AROUND: Final = 17  # Side of the median filter that estimates the picture's own spectrum, in steps of frequency.
_AS_FINE: Final = 1.2
_JPEG: Final = _TILE / 8  # Frequency of its blocks.
_MOST_SCREENS: Final = 4  # Inks.
_LARGEST: Final = 16.0  # Longest period in px,
_LARGEST_LINES: Final = 8.0  # of lines: fences are coarser.
# A peak is higher than nearly all of the ring within it, by this logarithm: the spectrum of a mosaic has gaps, between
# which it looks like peaks, each lower than those within.
_RING: Final = (0.65, 0.9)
_RING_SHARE: Final = 95.0
_LEAST_OVER_RING: Final = 0.5
_ON_AXES: Final = 2.5  # Steps of frequency.
_ALIKE: Final = 2.2  # Steps by which two peaks of one screen may miss the square.
# How far peaks stand out, as the natural logarithm of power: that of a screen of dots, that of further screens of the
# same print, and that of lines, which have one peak. In 690 photos without a screen pairs reach 2.4, single ones 3.7.
_LEAST: Final = 2.7
_LEAST_FURTHER: Final = 2.0
_LEAST_LINES: Final = 5.5


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A halftone screen.

    Attributes:
        period: distance of its dots or lines in px.
        angle: direction in which they repeat, in degrees from 0 to 180, clockwise from the right.
        lines: whether the screen consists of lines; dots repeat in a second direction, too, at a right angle.
        strength: height of its peaks over the picture's own spectrum, as the natural logarithm of power.
    """

    period: float
    angle: float
    lines: bool
    strength: float


@dataclass(frozen=True)
class _Peak:
    x: float  # Cycles in a tile.
    y: float
    excess: float

    @property
    def radius(self) -> float:
        return math.hypot(self.x, self.y)

    @property
    def is_on_an_axis(self) -> bool:
        return min(abs(self.x), abs(self.y)) < _ON_AXES

    @property
    def is_of_jpeg(self) -> bool:
        return all(abs(place / _JPEG - round(place / _JPEG)) <= 1 / _JPEG for place in (self.x, self.y))

    def squares_with(self, other: "_Peak") -> bool:
        """Returns whether the other peak is this one turned by a right angle, in either direction."""
        turned = ((-self.y, self.x), (self.y, -self.x))
        return min(math.hypot(x - other.x, y - other.y) for x, y in turned) < _ALIKE


def find_screens(luma: _Plane) -> tuple[Screen, ...]:
    """Returns the screens of a picture's luma (H, W), of 255, strongest first; none if a side is less than 64 px."""
    if min(luma.shape) < _TILE // 2:
        return ()
    # Pair the peaks that lie at a right angle.
    peaks = _peaks(_spectrum(luma))
    slanted = [peak for peak in peaks if not peak.is_on_an_axis]
    pairs = [(min(one.excess, other.excess), one) for one, other in combinations(slanted, 2) if one.squares_with(other)]
    pairs.sort(key=lambda pair: -pair[0])
    # Windows and tiles have their highest peaks on the axes, and peaks at the sums of these frequencies elsewhere.
    straight = max((peak.excess for peak in peaks if peak.is_on_an_axis and not peak.is_of_jpeg), default=0.0)
    if pairs and pairs[0][0] >= max(_LEAST, straight):
        # The screens of other inks have nearly the same period as the first; harmonics are no screens.
        first = pairs[0][1].radius
        alike = [pair for pair in pairs if first / _AS_FINE < pair[1].radius < first * _AS_FINE]
        return tuple(_screen(peak, excess, lines=False) for excess, peak in alike[:_MOST_SCREENS])
    if slanted and slanted[0].excess >= max(_LEAST_LINES, straight):
        lines = _screen(slanted[0], slanted[0].excess, lines=True)
        return (lines,) if lines.period <= _LARGEST_LINES else ()
    return ()


def _screen(peak: _Peak, excess: float, *, lines: bool) -> Screen:
    angle = math.degrees(math.atan2(peak.y, peak.x)) % 180
    return Screen(period=round(_TILE / peak.radius, 2), angle=round(angle, 1), lines=lines, strength=round(excess, 1))


def _spectrum(luma: _Plane) -> _Plane:
    """Returns the median of the logarithms of the tiles' power spectra; frequency 0 is in the middle."""
    # Cut the picture into windowed tiles, without flat ones if possible.
    below, right = (max(_TILE - side, 0) for side in luma.shape)
    luma = cast(_Plane, cv2.copyMakeBorder(luma, 0, below, 0, right, cv2.BORDER_REFLECT))
    window = np.hanning(_TILE + 2)[1:-1].astype(np.float32)
    window = np.outer(window, window)
    tiles = np.stack(
        [luma[y : y + _TILE, x : x + _TILE] for y in _places(luma.shape[0]) for x in _places(luma.shape[1])]
    )
    tiles = (tiles - tiles.mean((1, 2), keepdims=True)) * window
    contrast = tiles.std((1, 2))
    if (contrast > _LEAST_CONTRAST).sum() >= 2:
        tiles = tiles[contrast > _LEAST_CONTRAST]
    power = np.square(np.abs(np.fft.fft2(tiles))) + 0.01 * _TILE**2
    return np.fft.fftshift(np.median(np.log(power), axis=0)).astype(np.float32)


def _places(side: int) -> list[int]:
    """Returns the starts of tiles along a side in px: overlapping by a half or more, or spread evenly."""
    count = min(2 * (side // _TILE), _MOST_TILES) if side > _TILE else 1
    return sorted({round(place) for place in np.linspace(0, side - _TILE, count).tolist()})


def _peaks(spectrum: _Plane) -> list[_Peak]:
    """Returns the peaks of the spectrum, highest first, one of each pair of opposite peaks."""
    from scipy import ndimage  # Loads slowly.

    # Find the maxima over the picture's own spectrum.
    smooth = cast(_Plane, cv2.GaussianBlur(spectrum, (0, 0), 0.7, borderType=cv2.BORDER_REFLECT))
    excess = smooth - cast(_Plane, ndimage.median_filter(smooth, size=_AROUND, mode="wrap"))
    highest = cast(_Plane, ndimage.maximum_filter(excess, 5, mode="wrap"))
    rows, columns = np.nonzero((highest == excess) & (excess >= _LEAST_FURTHER))
    found = [
        _Peak(float(column - _TILE // 2), float(row - _TILE // 2), float(excess[row, column]))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    # Keep those that are higher than the ring of lower frequencies.
    down, right = np.mgrid[:_TILE, :_TILE] - _TILE // 2
    radius = np.hypot(down, right)

    def is_alone(peak: _Peak) -> bool:
        inside = (radius > _RING[0] * peak.radius) & (radius < _RING[1] * peak.radius)
        height = smooth[_TILE // 2 + int(peak.y), _TILE // 2 + int(peak.x)]
        return bool(height > np.percentile(smooth[inside], _RING_SHARE) + _LEAST_OVER_RING)

    kept = [
        peak
        for peak in found
        if (peak.y > 0 or (peak.y == 0 and peak.x > 0)) and _TILE / _LARGEST < peak.radius < _TILE / 2
        if is_alone(peak)
    ]
    return sorted(kept, key=lambda peak: -peak.excess)
