"""Turns sharp pictures into old prints: halftone, engravings, drawings, frames, ovals, letters, grain, faded tones.

None of this is damage. A network that detects damage has to be trained on all of it; otherwise it takes dots, hatching,
whiskers and signatures for scratches.
"""

from collections.abc import Callable
from typing import Any, Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images.arrays import to_array, to_tensor
from photopulse.images.gray import GRAY_WEIGHTS

_Random = np.random.Generator
_Picture = NDArray[np.floating[Any]]  # (H, W, 3) in [0, 1].


def as_print(picture: Tensor, random: torch.Generator, *, share: float) -> Tensor:
    """Returns a picture in the look of an old print, with the probability ``share``, and often faded; gray stays gray.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        random: CPU generator; the same seed gives the same print.
        share: probability, in [0, 1], of one of the kinds of print.
    """
    numbers = np.random.default_rng(cast(int, torch.randint(2**62, (), generator=random).item()))
    pixels: _Picture = to_array(picture)
    gray = bool((pixels == pixels[..., :1]).all())
    if numbers.random() < share:
        chances = np.array([chance for _, chance in _WAYS])
        pixels = _WAYS[numbers.choice(len(_WAYS), p=chances / chances.sum())][0](pixels, numbers)
    if numbers.random() < 0.3:
        # Prints fade: shadows become lighter, highlights darker.
        low, high = numbers.uniform(0, 0.35), numbers.uniform(0.6, 1)
        pixels = low + (high - low) * pixels
    if gray:
        pixels = np.repeat(pixels.mean(2, keepdims=True), 3, axis=2)
    return to_tensor(np.clip(pixels, 0, 1).astype(np.float32))


def _luma(picture: _Picture) -> _Picture:
    return cast(_Picture, picture @ np.array(GRAY_WEIGHTS, np.float32))


def _paper(numbers: _Random) -> _Picture:
    tone = np.array([1, numbers.uniform(0.92, 1), numbers.uniform(0.75, 1)])
    return (numbers.uniform(0.75, 1) * tone).astype(np.float32)


def _ink(numbers: _Random) -> _Picture:
    return (numbers.uniform(0, 0.3) * numbers.uniform(0.5, 1, 3)).astype(np.float32)


def _printed(share_of_paper: _Picture, numbers: _Random) -> _Picture:
    ink = _ink(numbers)
    return ink + share_of_paper[..., None] * (_paper(numbers) - ink)


def _grid(picture: _Picture) -> tuple[_Picture, _Picture]:
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x, y


def _waves(picture: _Picture, period: float, angle: float, bend: float) -> _Picture:
    """Returns parallel waves (H, W) in [-1, 1], bent into arcs; ``period`` is in px, ``angle`` in radians."""
    x, y = _grid(picture)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.sin(2 * np.pi * (along + bend * np.square(across) / len(picture)) / period).astype(np.float32)


def _halftone(picture: _Picture, numbers: _Random) -> _Picture:
    period, angle = numbers.uniform(2.5, 9), numbers.uniform(0, np.pi / 2)
    dots = _waves(picture, period, angle, 0) + _waves(picture, period, angle + np.pi / 2, 0)
    hard = numbers.uniform(1.5, 12)
    return _printed(1 / (1 + np.exp(-hard * (_luma(picture) - 0.5 - 0.22 * dots) * 2)), numbers)


def _engraving(picture: _Picture, numbers: _Random) -> _Picture:
    period, angle, bend = numbers.uniform(3, 9), numbers.uniform(0, np.pi), numbers.uniform(-0.5, 0.5)
    lines = _waves(picture, period, angle, bend)
    luma = _luma(picture)
    if numbers.random() < 0.6:
        crossed = _waves(picture, period, angle + numbers.uniform(0.5, 1.5), bend)
        lines = np.where(luma < numbers.uniform(0.2, 0.6), np.maximum(lines, crossed), lines)
    light = np.clip((luma - 0.5) * numbers.uniform(1, 2) + numbers.uniform(0.5, 0.8), 0, 1.1)
    return _printed(1 / (1 + np.exp(-numbers.uniform(5, 15) * (light - 0.5 - 0.45 * lines))), numbers)


def _drawing(picture: _Picture, numbers: _Random) -> _Picture:
    """Returns an ink drawing: ink along the edges, and in dark parts."""
    luma, radius = _luma(picture), numbers.uniform(0.6, 2)
    edges = cv2.GaussianBlur(luma, (0, 0), radius) - cv2.GaussianBlur(luma, (0, 0), 1.6 * radius)
    paper = 1 + np.clip(edges * numbers.uniform(20, 60), -1, 0)
    return _printed(np.minimum(paper, np.clip((luma - numbers.uniform(0, 0.3)) * 12, 0, 1)).astype(np.float32), numbers)


def _grainy(picture: _Picture, numbers: _Random) -> _Picture:
    """Adds coarse film grain, or the fibres of paper."""
    size = picture.shape[:2]
    grain = numbers.standard_normal(size, np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), numbers.uniform(0.4, 1.4), sigmaY=numbers.uniform(0.4, 1.4))
    return picture + (grain / grain.std() * numbers.uniform(0.02, 0.11))[..., None]


def _framed(picture: _Picture, numbers: _Random) -> _Picture:
    """Adds a mount or an album page with ruled lines along one or two sides."""
    # Draw bands of random widths from an edge inward.
    framed = picture.copy()
    for upright in (True, False) if numbers.random() < 0.5 else (bool(numbers.integers(2)),):
        view = framed if upright else framed.transpose(1, 0, 2)
        view = view[::-1] if numbers.random() < 0.5 else view
        edge = 0
        for _ in range(numbers.integers(1, 4)):
            thick = int(numbers.choice([1, 2, 3, int(numbers.integers(4, 40))]))
            view[edge : edge + thick] = _paper(numbers) if numbers.random() < 0.5 else _ink(numbers)
            edge += thick
    return framed


def _oval(picture: _Picture, numbers: _Random) -> _Picture:
    """Returns an oval cut-out of the picture on plain paper or ink, with a sharp, soft or ruled rim."""
    # The distance from the rim, then the paper outside of it, then ruled lines.
    height, width = picture.shape[:2]
    x, y = _grid(picture)
    left, top = numbers.uniform(-0.3, 1.3, 2) * (width, height)
    distance = np.hypot((x - left) / numbers.uniform(0.7, 1.2), y - top)
    distance -= numbers.uniform(0.4, 1.0) * max(height, width)
    outside = np.clip(distance / numbers.choice([1, 1, 30]) + 0.5, 0, 1)[..., None]
    beyond = _paper(numbers) if numbers.random() < 0.7 else _ink(numbers)
    oval = picture + outside * (beyond - picture)
    for _ in range(numbers.integers(0, 3)):
        rule = np.clip(numbers.uniform(0.6, 2.5) - np.abs(distance - numbers.uniform(-4, 10)), 0, 1)[..., None]
        oval = oval + rule * (_ink(numbers) - oval)
    return oval


def _written(picture: _Picture, numbers: _Random) -> _Picture:
    """Adds one or two lines of handwriting, imitated by loops along a line."""
    # Draw at twice the size for smooth edges.
    height, width = picture.shape[:2]
    large = np.zeros((2 * height, 2 * width), np.uint8)
    tall = numbers.uniform(6, 30)
    for _ in range(numbers.integers(1, 3)):
        t = np.arange(0, numbers.uniform(20, 140), 0.15)
        sway = np.interp(t, np.arange(0, 160, 2.5), numbers.uniform(0.15, 1, 64))
        across = t * tall * 0.09 + tall * 0.35 * np.sin(t + numbers.uniform(0, 6)) * sway
        down = t * numbers.normal(0, 0.1) + tall * np.cos(t * numbers.uniform(0.8, 1.3)) * sway
        start = numbers.uniform((-0.2, 0), (0.8, 1)) * (width, height)
        points = (start + np.stack([across, down], axis=1)) * 2 * 16
        cv2.polylines(large, [points.round().astype(np.int32)], False, 255, int(numbers.integers(1, 6)), cv2.LINE_AA, 4)
    cover = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    colour = _ink(numbers) if numbers.random() < 0.6 else _paper(numbers)
    return picture + cover * (colour - picture)


def _lettered(picture: _Picture, numbers: _Random) -> _Picture:
    """Adds some printed words of random characters."""
    # Draw the words into a mask, then blend their colour.
    height, width = picture.shape[:2]
    cover = np.zeros((height, width), np.uint8)
    for _ in range(numbers.integers(1, 4)):
        letters = numbers.integers(33, 126, int(numbers.integers(2, 18)))
        word = letters.astype(np.uint8).tobytes().decode("ascii")
        at = (numbers.random(2) * (width, height)).astype(np.int64).tolist()
        font, scale = int(numbers.integers(8)), numbers.uniform(0.3, 1.6)
        cv2.putText(cover, word, at, font, scale, 255, int(numbers.integers(1, 4)), cv2.LINE_AA)
    colour = _ink(numbers) if numbers.random() < 0.5 else _paper(numbers)
    return picture + cover[..., None].astype(np.float32) / 255 * (colour - picture)


def _striped(picture: _Picture, numbers: _Random) -> _Picture:
    """Adds evenly spaced thin lines to a part of the picture, like pinstripes, blinds, fences or strings."""
    period, angle = numbers.uniform(5, 30), numbers.uniform(0, np.pi)
    lines = np.clip((_waves(picture, period, angle, numbers.uniform(-0.2, 0.2)) - numbers.uniform(0.5, 0.97)) * 8, 0, 1)
    x, y = _grid(picture)
    angle = numbers.uniform(0, 6.3)
    half = (x - len(picture) / 2) * np.cos(angle) + (y - len(picture) / 2) * np.sin(angle) > numbers.uniform(-60, 60)
    colour = _ink(numbers) if numbers.random() < 0.5 else _paper(numbers)
    return picture + (lines * half * numbers.uniform(0.3, 1))[..., None] * (colour - picture)


def _hairy(picture: _Picture, numbers: _Random) -> _Picture:
    """Adds a tuft of hairs, whiskers or grass that start at one place, each thinner at its end."""
    # Draw each hair as a random path at twice the size, and its first half twice.
    height, width = picture.shape[:2]
    large = np.zeros((2 * height, 2 * width), np.uint8)
    root, middle = numbers.uniform(0, 1, 2) * (2 * width, 2 * height), numbers.uniform(0, 6.3)
    spread, length = numbers.uniform(0.1, 0.6), numbers.uniform(20, 160)
    for _ in range(numbers.integers(5, 40)):
        angles = middle + numbers.normal(0, spread) + np.cumsum(numbers.normal(0, 0.02) + numbers.normal(0, 0.03, 16))
        steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * length * numbers.uniform(0.5, 1) / 8
        points = (root + numbers.normal(0, 12, 2) + np.cumsum(steps, axis=0)) * 16
        for part in (points, points[:8]):
            light = int(numbers.integers(120, 256))
            cv2.polylines(large, [part.round().astype(np.int32)], False, light, 1, cv2.LINE_AA, 4)
    cover = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    colour = _ink(numbers) if numbers.random() < 0.5 else _paper(numbers)
    return picture + cover * (colour - picture)


_WAYS: Final[tuple[tuple[Callable[[_Picture, _Random], _Picture], float], ...]] = (
    (_halftone, 0.14),
    (_engraving, 0.12),
    (_drawing, 0.12),
    (_grainy, 0.16),
    (_framed, 0.1),
    (_oval, 0.08),
    (_written, 0.08),
    (_lettered, 0.08),
    (_striped, 0.06),
    (_hairy, 0.06),
)
