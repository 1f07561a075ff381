"""Finds the invisible mark in a picture, also after compression, resizing, cropping, mirroring and quarter turns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.provenance.code import decode
from photopulse.provenance.embed import luma
from photopulse.provenance.match import (
    ORIENTATIONS,
    SHIFTS,
    Evening,
    Match,
    best_match,
    evened,
    false_alarm,
    soft_chips,
    threshold,
)
from photopulse.provenance.pattern import TILE
from photopulse.provenance.payload import Payload, read_payload

FALSE_ALARMS: Final = 1e-6
"""Largest probability that an unmarked picture is said to be marked, for each of the two searches (see ``face.py``)."""

_SIDE: Final = 512  # px: longer sides are shrunk to this, in which all waves of a whole picture survive.
_SMALLEST: Final = 64  # px
_WHOLE: Final = (4, 2, 1)  # Tiles along a side of the pictures that are marked: 1024, 512 and 256 px.
_PERIODS: Final = np.geomspace(0.09 * _SIDE, 1.1 * _SIDE, 420)  # Of crops that were resized: 0.6 % apart.
_COMMON: Final = ORIENTATIONS[:2]  # Upright and mirrored.
_COMPARISONS: Final = SHIFTS**2 * (len(ORIENTATIONS) * (len(_WHOLE) + 1) + len(_COMMON) * len(_PERIODS))
THRESHOLD: Final = threshold(_COMPARISONS, FALSE_ALARMS)
"""Smallest score of a marked picture."""
_EVENING: Final = Evening(field=6.0, area=10.0, noise=1.5 / 255)


@dataclass(frozen=True, kw_only=True)
class Square:
    """A square of a picture, its sides parallel to the picture's: centre (x, y) and side in px.

    (0, 0) is the centre of the top left pixel.
    """

    x: float
    y: float
    side: float


@dataclass(frozen=True, kw_only=True)
class FoundMark:
    """What a search for a mark found.

    Attributes:
        score: largest score.
        false_alarm: upper bound of the probability that an unmarked picture reaches this score, at most 1.
        decoded: the most likely 32 bits; None if there is no mark.
        payload: content of the mark; None if there is no mark or the checksum of the bits is wrong.
        face: square around the face in which the mark was found; None if it was found in the whole picture, or not.
    """

    score: float
    false_alarm: float
    decoded: int | None = None
    payload: Payload | None = None
    face: Square | None = None

    @property
    def is_marked(self) -> bool:
        """Whether there is a mark."""
        return self.decoded is not None


def find_mark(image: Tensor, *, thorough: bool = True) -> FoundMark:
    """Looks for a mark in a picture (1, 3, H, W) in [0, 1].

    Whole pictures of any size and crops that were not resized are found at once, mirrored and turned by quarters, too.
    Only if they show no mark, crops that were resized are tried, which takes seconds; ``thorough`` says whether.
    """
    gray = luma(image)
    if min(gray.shape) < _SMALLEST:
        return FoundMark(score=0.0, false_alarm=1.0)
    even, scale = _worked(gray)
    # Compare with the likely sizes, then with all.
    likely = (best_match(even, period, ORIENTATIONS) for period in _likely(even.shape, scale))
    best = max(likely, key=lambda match: match.score)
    if best.score < THRESHOLD and thorough:
        others = (best_match(even, (period, period), _COMMON) for period in _PERIODS)
        best = max(best, *others, key=lambda match: match.score)
    return found_mark(even, best, _COMPARISONS)


def found_mark(even: NDArray[np.float32], best: Match, comparisons: int, face: Square | None = None) -> FoundMark:
    """Returns what the best of all comparisons with a picture tells; the payload is read if there is a mark."""
    chance = false_alarm(best.score, comparisons)
    if best.score < threshold(comparisons, FALSE_ALARMS):
        return FoundMark(score=best.score, false_alarm=chance)
    number, right = decode(soft_chips(even, best))
    payload = read_payload(number) if right else None
    return FoundMark(score=best.score, false_alarm=chance, decoded=number, payload=payload, face=face)


def _worked(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Returns the picture in working size with brightness and contrast made even, and its scales down and across."""
    height, width = gray.shape
    factor = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA) if factor < 1 else gray
    return evened(small.astype(np.float32), _EVENING), (small.shape[0] / height, small.shape[1] / width)


def _likely(shape: tuple[int, ...], scale: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Yields the pattern's periods in whole pictures, and in a crop that was not resized."""
    for tiles in _WHOLE:
        yield shape[0] / tiles, shape[1] / tiles
    yield TILE * scale[0], TILE * scale[1]
