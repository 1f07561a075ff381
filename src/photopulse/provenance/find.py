"""Finds the invisible mark in a picture, also after compression, resizing, cropping, mirroring and quarter turns.

The phases of the picture's spectrum are compared with those of the pattern. For each assumed size, orientation and
shift the score is ``sum(cos(phase - expected)) / sqrt(K / 2)`` over K waves. Whatever an unmarked picture is, the
pattern's phases are uniform and independent of it, so the moment generating function ``I0(t) <= exp(t^2 / 4)`` of each
cosine bounds the probability of a score of at least z by ``exp(-z^2 / 2)`` (Chernoff), and the union bound multiplies
it by the number of comparisons.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.provenance.code import decode
from photopulse.provenance.embed import luma
from photopulse.provenance.pattern import HIGHEST, TILE, Waves, waves
from photopulse.provenance.payload import Payload, read_payload

FALSE_ALARMS: Final = 1e-6
"""Largest probability that an unmarked picture is said to be marked."""

_SIDE: Final = 512  # px: longer sides are shrunk to this, in which all waves of a whole picture survive.
_SMALLEST: Final = 64  # px
_SHIFTS: Final = 128  # Shifts that are tried along each axis.
_WHOLE: Final = (4, 2, 1)  # Tiles along a side of the pictures that are marked: 1024, 512 and 256 px.
_PERIODS: Final = np.geomspace(0.09 * _SIDE, 1.1 * _SIDE, 420)  # Of crops that were resized: 0.6 % apart.
_ORIENTATIONS: Final = tuple(range(8))
_COMMON: Final = _ORIENTATIONS[:2]  # Upright and mirrored.
_COMPARISONS: Final = _SHIFTS**2 * (len(_ORIENTATIONS) * (len(_WHOLE) + 1) + len(_COMMON) * len(_PERIODS))
THRESHOLD: Final = math.sqrt(2 * math.log(_COMPARISONS / FALSE_ALARMS))
"""Smallest score of a marked picture."""
_FINE_SHIFTS: Final = np.linspace(-1, 1, 9) / _SHIFTS
_FINE_STRETCHES: Final = np.linspace(0.994, 1.006, 7)

_FIELD: Final = 6.0  # px over which the brightness is made even.
_AREA: Final = 10.0  # px over which the contrast is made even.
_NOISE: Final = 1.5 / 255  # Contrast of areas that count as empty.


@dataclass(frozen=True, kw_only=True)
class FoundMark:
    """What a search for a mark found.

    Attributes:
        score: largest score; a mark is there if it is at least ``THRESHOLD``.
        false_alarm: upper bound of the probability that an unmarked picture reaches this score, at most 1.
        decoded: the most likely 32 bits; None if there is no mark.
        payload: content of the mark; None if there is no mark or the checksum of the bits is wrong.
    """

    score: float
    false_alarm: float
    decoded: int | None = None
    payload: Payload | None = None

    @property
    def is_marked(self) -> bool:
        """Whether there is a mark."""
        return self.score >= THRESHOLD


@dataclass(frozen=True, kw_only=True, eq=False)
class _Match:
    """A comparison.

    Attributes:
        score: its score.
        period: the pattern's periods down and across, in px of the working size.
        orientation: number of the orientation, see ``_oriented``.
        shift: the pattern's shifts down and across, in periods.
    """

    score: float
    period: tuple[float, float]
    orientation: int
    shift: tuple[float, float]


def find_mark(image: Tensor, *, thorough: bool = True) -> FoundMark:
    """Looks for a mark in a picture (1, 3, H, W) in [0, 1].

    Whole pictures of any size and crops that were not resized are found at once, mirrored and turned by quarters, too.
    Only if they show no mark, crops that were resized are tried, which takes seconds; ``thorough`` says whether.
    """
    gray = luma(image)
    if min(gray.shape) < _SMALLEST:
        return FoundMark(score=0.0, false_alarm=1.0)
    even, scale = _evened(gray)
    # Compare with the likely sizes, then with all.
    likely = (_match(even, period, _ORIENTATIONS) for period in _likely(even.shape, scale))
    best = max(likely, key=lambda match: match.score)
    if best.score < THRESHOLD and thorough:
        others = (_match(even, (period, period), _COMMON) for period in _PERIODS)
        best = max(best, *others, key=lambda match: match.score)
    false_alarm = min(1.0, _COMPARISONS * math.exp(-(best.score**2) / 2))
    if best.score < THRESHOLD:
        return FoundMark(score=best.score, false_alarm=false_alarm)
    number, right = decode(_chips(even, best))
    payload = read_payload(number) if right else None
    return FoundMark(score=best.score, false_alarm=false_alarm, decoded=number, payload=payload)


def _evened(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Returns the picture in working size with brightness and contrast made even, and its scales down and across."""
    height, width = gray.shape
    factor = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA) if factor < 1 else gray
    detail = small - cv2.GaussianBlur(small, (0, 0), _FIELD)
    power = np.maximum(cv2.GaussianBlur(detail * detail, (0, 0), _AREA), 0) + _NOISE**2
    even = (detail / np.sqrt(power)).clip(-3, 3).astype(np.float32)
    return even, (small.shape[0] / height, small.shape[1] / width)


def _likely(shape: tuple[int, ...], scale: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Yields the pattern's periods in whole pictures, and in a crop that was not resized."""
    for tiles in _WHOLE:
        yield shape[0] / tiles, shape[1] / tiles
    yield TILE * scale[0], TILE * scale[1]


def _match(even: NDArray[np.float32], period: tuple[float, float], orientations: Sequence[int]) -> _Match:
    """Returns the best comparison with a period, over all shifts."""
    known, _ = waves()
    phases = _phases(even, period)
    grid = np.zeros((len(orientations), _SHIFTS, _SHIFTS), np.complex64)
    for place, orientation in enumerate(orientations):
        grid[place, known.down, known.across] = _residual(phases, orientation, known)
    scores = cast(Tensor, torch.fft.fft2(torch.from_numpy(grid))).real
    place, down, across = (int(index) for index in np.unravel_index(int(scores.argmax()), grid.shape))
    return _Match(
        score=scores.max().item() / math.sqrt(len(known.phase) / 2),
        period=period,
        orientation=orientations[place],
        shift=(down / _SHIFTS, across / _SHIFTS),
    )


def _phases(even: NDArray[np.float32], period: tuple[float, float]) -> NDArray[np.complex64]:
    """Returns the phases, as complex numbers of length 1, of the waves with -26 to 26 periods a tile: (53, 53)."""
    down, across = (_waves_along(side, length) for side, length in zip(even.shape, period, strict=True))
    # Those across from 0 on; the others are their conjugates.
    half = down @ (even @ across[HIGHEST:].T)
    spectrum = np.concatenate([half[::-1, :0:-1].conj(), half], axis=1)
    return (spectrum / np.maximum(np.abs(spectrum), 1e-12)).astype(np.complex64)


def _waves_along(side: int, period: float) -> NDArray[np.complex64]:
    """Returns the waves with -26 to 26 periods a tile at the middles of a side's pixels: (53, side)."""
    cycles = np.outer(np.arange(-HIGHEST, HIGHEST + 1), (np.arange(side) + 0.5) / period)
    return np.exp(-2j * np.pi * cycles).astype(np.complex64)


def _oriented(phases: NDArray[np.complex64], orientation: int) -> NDArray[np.complex64]:
    """Returns the phases of the picture in one of 8 orientations; shifts aside, its waves turn as it does."""
    turned = phases.T if orientation & 4 else phases
    turned = turned[::-1] if orientation & 2 else turned
    return turned[:, ::-1] if orientation & 1 else turned


def _residual(phases: NDArray[np.complex64], orientation: int, some: Waves) -> NDArray[np.complex64]:
    """Returns how the phases of some waves of an oriented picture differ from the pattern's, as complex numbers."""
    turned = _oriented(phases, orientation)
    return turned[some.down + HIGHEST, some.across + HIGHEST] * np.exp(-1j * some.phase)


def _chips(even: NDArray[np.float32], match: _Match) -> NDArray[np.float64]:
    """Returns the soft chips of the payload (640,), after refining period and shift by the known waves."""
    known, carrying = waves()
    best, chips = -math.inf, np.zeros(len(carrying.phase))
    shifts = [place + offset for place in match.shift for offset in _FINE_SHIFTS]
    down_shifts, across_shifts = np.reshape(shifts, (2, -1))
    for stretch in _FINE_STRETCHES:
        period = (match.period[0] * stretch, match.period[1] * stretch)
        phases = _phases(even, period)
        # The score of each shift, down and across.
        down = np.exp(-2j * np.pi * np.outer(down_shifts, known.down))
        across = np.exp(-2j * np.pi * np.outer(known.across, across_shifts))
        scores = (down * _residual(phases, match.orientation, known) @ across).real
        if scores.max() > best:
            best = float(scores.max())
            i, j = np.unravel_index(scores.argmax(), scores.shape)
            turn = carrying.down * down_shifts[i] + carrying.across * across_shifts[j]
            residual = _residual(phases, match.orientation, carrying)
            chips = (residual * np.exp(-2j * np.pi * turn)).real.astype(np.float64)
    return chips
