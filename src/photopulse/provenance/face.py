"""Finds the invisible mark of one face in a larger picture, where the face is known."""

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.provenance.embed import LEAST_FACE_SIDE, luma
from photopulse.provenance.find import FALSE_ALARMS, FoundMark, Square, found_mark
from photopulse.provenance.match import ORIENTATIONS, SHIFTS, Evening, best_match, evened, threshold

MOST_FACES: Final = 32
"""Faces of a picture that are searched, the largest first."""

_TILES: Final = (2, 3, 4)  # Periods along the square: 3 or 4 in restored faces, 2 or 4 in whole faces of ``sample``.
# A face's size is measured anew in the picture, which is exact to 1 or 2 %.
_STRETCHES: Final = np.exp(np.linspace(-0.03, 0.03, 11))
_COMPARISONS: Final = SHIFTS**2 * len(ORIENTATIONS) * len(_TILES) * len(_STRETCHES) * MOST_FACES
FACE_THRESHOLD: Final = threshold(_COMPARISONS, FALSE_ALARMS)
"""Smallest score of a mark that is found in a face."""

_EVENING: Final = Evening(field=3.0, area=6.0, noise=1 / 255)
_SIDE: Final = 512  # px: larger squares are shrunk to this.
_SMALLEST: Final = LEAST_FACE_SIDE // 2  # px: photos may have been shrunk after they were marked.
_INNER, _OUTER = 0.4, 0.52  # Shares of the side: up to the first the window is 1, from the second on it is 0.


def find_face_mark(image: Tensor, faces: Sequence[Square]) -> FoundMark | None:
    """Looks for a mark in one face after the other, until one has a mark.

    Args:
        image: (1, 3, H, W) in [0, 1].
        faces: FFHQ-aligned squares around the faces, the largest first, taken as if their sides were parallel to the
            picture's; no more than ``MOST_FACES`` are searched.

    Returns:
        The mark that was found, else the search with the largest score; None if there is no face of at least 64 px.
    """
    gray = luma(image)
    best: FoundMark | None = None
    for face in faces[:MOST_FACES]:
        if not (face.side >= _SMALLEST and math.isfinite(face.x + face.y + face.side)):
            continue
        found = _find(gray, face)
        if best is None or found.score > best.score:
            best = found
        if found.is_marked:
            break
    return best


def _find(gray: NDArray[np.float32], face: Square) -> FoundMark:
    even, side = _worked(gray, face)
    periods = (side / tiles * stretch for tiles in _TILES for stretch in _STRETCHES)
    matches = (best_match(even, (period, period), ORIENTATIONS) for period in periods)
    return found_mark(even, max(matches, key=lambda match: match.score), _COMPARISONS, face)


def _worked(gray: NDArray[np.float32], face: Square) -> tuple[NDArray[np.float32], float]:
    """Returns the face in working size, made even and faded out towards the rim, and the side of its square in px."""
    # Cut the square out; beyond the picture's edges, the picture is mirrored.
    reach = math.ceil(face.side * _OUTER)
    left, top, size = round(face.x) - reach, round(face.y) - reach, 2 * reach + 1
    inner = gray[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]
    if min(inner.shape) < _SMALLEST // 2:
        return np.zeros((_SMALLEST, _SMALLEST), np.float32), float(_SMALLEST)
    down, across = (
        (max(-start, 0), max(start + size - end, 0)) for start, end in zip((top, left), gray.shape, strict=True)
    )
    square = cv2.copyMakeBorder(inner, *down, *across, borderType=cv2.BORDER_REPLICATE)
    # Shrink it, make it even, and fade it out.
    working = min(size, _SIDE)
    small = cv2.resize(square, (working, working), interpolation=cv2.INTER_AREA) if working < size else square
    side = face.side * working / size
    place = (np.arange(working) - (working - 1) / 2) / side
    distance = np.hypot(place[:, None], place)
    rise = np.clip((_OUTER - distance) / (_OUTER - _INNER), 0, 1)
    return evened(small.astype(np.float32), _EVENING) * (rise * rise * (3 - 2 * rise)).astype(np.float32), side
