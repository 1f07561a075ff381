"""Compares a picture with the pattern of the mark, at one assumed period and over all shifts.

The phases of the picture's spectrum are compared with those of the pattern. For each assumed period, orientation and
shift the score is ``sum(cos(phase - expected)) / sqrt(K / 2)`` over K waves. Whatever an unmarked picture is, the
pattern's phases are uniform and independent of it, so the moment generating function ``I0(t) <= exp(t^2 / 4)`` of each
cosine bounds the probability of a score of at least z by ``exp(-z^2 / 2)`` (Chernoff), and the union bound multiplies
it by the number of comparisons.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.provenance.pattern import HIGHEST, Waves, waves

SHIFTS: Final = 128
"""Shifts that are tried along each axis."""

ORIENTATIONS: Final = tuple(range(8))
"""Numbers of the orientations, see ``_oriented``: upright, mirrored, turned by quarters."""

_FINE_SHIFTS: Final = np.linspace(-1, 1, 9) / SHIFTS
_FINE_STRETCHES: Final = np.linspace(0.994, 1.006, 7)


@dataclass(frozen=True, kw_only=True)
class Evening:
    """How brightness and contrast are made even before a comparison.

    Attributes:
        field: deviation in px of the Gaussian that makes the brightness even.
        area: deviation in px of the Gaussian that makes the contrast even.
        noise: contrast of areas that count as empty; white is 1.
    """

    field: float
    area: float
    noise: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """A comparison.

    Attributes:
        score: its score.
        period: the pattern's periods down and across, in px of the picture that was compared.
        orientation: number of the orientation, see ``_oriented``.
        shift: the pattern's shifts down and across, in periods.
    """

    score: float
    period: tuple[float, float]
    orientation: int
    shift: tuple[float, float]


def threshold(comparisons: int, false_alarms: float) -> float:
    """Returns the score that an unmarked picture reaches with a probability of at most ``false_alarms``."""
    return math.sqrt(2 * math.log(comparisons / false_alarms))


def false_alarm(score: float, comparisons: int) -> float:
    """Returns the upper bound of the probability that an unmarked picture reaches a score, at most 1."""
    return min(1.0, comparisons * math.exp(-(score**2) / 2))


def evened(gray: NDArray[np.float32], evening: Evening) -> NDArray[np.float32]:
    """Returns a luma (H, W) with brightness and contrast made even."""
    detail = gray - cv2.GaussianBlur(gray, (0, 0), evening.field)
    power = np.maximum(cv2.GaussianBlur(detail * detail, (0, 0), evening.area), 0) + evening.noise**2
    return (detail / np.sqrt(power)).clip(-3, 3).astype(np.float32)


def best_match(even: NDArray[np.float32], period: tuple[float, float], orientations: Sequence[int]) -> Match:
    """Returns the best comparison with a period, over all shifts."""
    known, _ = waves()
    phases = _phases(even, period)
    grid = np.zeros((len(orientations), SHIFTS, SHIFTS), np.complex64)
    for place, orientation in enumerate(orientations):
        grid[place, known.down, known.across] = _residual(phases, orientation, known)
    scores = cast(Tensor, torch.fft.fft2(torch.from_numpy(grid))).real
    place, down, across = (int(index) for index in np.unravel_index(int(scores.argmax()), grid.shape))
    return Match(
        score=scores.max().item() / math.sqrt(len(known.phase) / 2),
        period=period,
        orientation=orientations[place],
        shift=(down / SHIFTS, across / SHIFTS),
    )


def _phases(even: NDArray[np.float32], period: tuple[float, float]) -> NDArray[np.complex64]:
    """Returns the phases, as complex numbers of length 1, of the waves with -26 to 26 periods a tile: (53, 53)."""
    down, across = (_waves_along(side, length) for side, length in zip(even.shape, period, strict=True))
    # Real numbers are multiplied faster than complex ones.
    parts = even @ np.concatenate([across[HIGHEST:].real, across[HIGHEST:].imag]).T
    half = down @ (parts[:, : HIGHEST + 1] + 1j * parts[:, HIGHEST + 1 :]).astype(np.complex64)
    # Those across from 0 on; the others are their conjugates.
    spectrum = np.concatenate([half[::-1, :0:-1].conj(), half], axis=1)
    return (spectrum / np.maximum(np.abs(spectrum), 1e-12)).astype(np.complex64)


def _waves_along(side: int, period: float) -> NDArray[np.complex64]:
    """Returns the waves with -26 to 26 periods a tile at the middles of a side's pixels: (53, side)."""
    first = np.exp(-2j * np.pi * (np.arange(side) + 0.5) / period)
    powers = np.cumprod(np.broadcast_to(first, (HIGHEST, side)), axis=0)
    return np.concatenate([powers[::-1].conj(), np.ones((1, side)), powers]).astype(np.complex64)


def _oriented(phases: NDArray[np.complex64], orientation: int) -> NDArray[np.complex64]:
    """Returns the phases of the picture in one of 8 orientations; shifts aside, its waves turn as it does."""
    turned = phases.T if orientation & 4 else phases
    turned = turned[::-1] if orientation & 2 else turned
    return turned[:, ::-1] if orientation & 1 else turned


def _residual(phases: NDArray[np.complex64], orientation: int, some: Waves) -> NDArray[np.complex64]:
    """Returns how the phases of some waves of an oriented picture differ from the pattern's, as complex numbers."""
    turned = _oriented(phases, orientation)
    return turned[some.down + HIGHEST, some.across + HIGHEST] * np.exp(-1j * some.phase)


def soft_chips(even: NDArray[np.float32], match: Match) -> NDArray[np.float64]:
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
