"""The pattern of the mark: waves with a common period, half of them known and the others modulated by the payload.

The waves' phases come from SHAKE-256 of a public text, so they are the same everywhere and for ever. Because they were
drawn without regard to any picture, the score of an unmarked picture is bounded in probability, see ``find.py``.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photopulse.provenance.code import CHIPS

TILE: Final = 256
"""Period of the pattern in px of the picture that is marked."""

HIGHEST: Final = 26
"""Largest number of periods of a wave along one side of the tile: about a tenth of a cycle per pixel."""

_LOWEST: Final = 5  # Longer waves would be seen in even areas, and would change the downscaled picture.
_TEXT: Final = b"photopulse mark 1"


@dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """Waves of the tile: their periods down (K,), -26 to 26, and across (K,), 0 to 26, and their phases (K,)."""

    down: NDArray[np.int64]
    across: NDArray[np.int64]
    phase: NDArray[np.float64]


@cache
def waves() -> tuple[Waves, Waves]:
    """Returns the waves by which the mark is found, and those that carry one chip of the payload each."""
    # One of each pair of opposite frequencies within the ring.
    down, across = np.meshgrid(np.arange(-HIGHEST, HIGHEST + 1), np.arange(HIGHEST + 1), indexing="ij")
    radius = np.hypot(down, across)
    ring = (radius >= _LOWEST) & (radius <= HIGHEST) & ((across > 0) | (down > 0))
    down, across = down[ring], across[ring]
    # Shuffle them and draw their phases.
    numbers = np.frombuffer(hashlib.shake_256(_TEXT).digest(16 * len(down)), dtype="<u8").reshape(2, -1)
    order = np.argsort(numbers[0], kind="stable")
    phase = numbers[1] / 2.0**64 * 2 * np.pi
    chosen = Waves(down=down[order], across=across[order], phase=phase)
    return _part(chosen, slice(CHIPS, None)), _part(chosen, slice(CHIPS))


def tile(chips: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns one period (256, 256) of the pattern that carries chips (640,); its mean is 0 and its deviation 1."""
    known, carrying = waves()
    spectrum = np.zeros((TILE, TILE), complex)
    spectrum[known.down, known.across] = np.exp(1j * known.phase)
    spectrum[carrying.down, carrying.across] = chips * np.exp(1j * carrying.phase)
    # Phases count from the corner of the first pixel, half a pixel before its middle.
    ramp = np.exp(1j * np.pi * np.fft.fftfreq(TILE))
    pattern = np.fft.ifft2(spectrum * ramp[:, None] * ramp).real
    return (pattern / pattern.std()).astype(np.float32)


def pattern(height: int, width: int, period: float, chips: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns the pattern (height, width) with another period in px than that of ``tile``; its deviation is about 1."""
    known, carrying = waves()
    spectrum = np.zeros((2 * HIGHEST + 1, HIGHEST + 1), complex)
    spectrum[known.down + HIGHEST, known.across] = np.exp(1j * known.phase)
    spectrum[carrying.down + HIGHEST, carrying.across] = chips * np.exp(1j * carrying.phase)
    # Phases count from the corner of the first pixel, half a pixel before its middle.
    down = np.exp(2j * np.pi * np.outer((np.arange(height) + 0.5) / period, np.arange(-HIGHEST, HIGHEST + 1)))
    across = np.exp(2j * np.pi * np.outer(np.arange(HIGHEST + 1), (np.arange(width) + 0.5) / period))
    deviation = math.sqrt((len(known.phase) + len(carrying.phase)) / 2)
    picture: NDArray[np.complex128] = down @ spectrum @ across
    return (picture.real / deviation).astype(np.float32)


def _part(whole: Waves, part: slice) -> Waves:
    return Waves(down=whole.down[part], across=whole.across[part], phase=whole.phase[part])
