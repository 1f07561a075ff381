"""Draws the wear of prints and films over pictures: scratches, creases, dust, spots, tears and lost corners.

The wear is simple geometry with random sizes, shapes and colours. Its mask is known, so networks can be trained to find
and to fill it, and be measured. Sizes are in px, for scans of some hundred to a few thousand px, in which damage is
searched for at about a thousand px.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade.photo import Amount, DamageRecipe
from photopulse.images.arrays import to_array, to_tensor, to_unit

_Random = np.random.Generator
_Plane = NDArray[np.float32]

# Pixels that are covered less, or change less, are not in the mask, because such wear is invisible.
_LEAST_COVER: Final = 0.15
_LEAST_CHANGE: Final = 10 / 255
_AREA: Final = 160 * 160  # Area in px that gets one group of each kind; larger pictures get more.

SCANNED: Final = DamageRecipe(
    blur=Amount(0.2, 1.0, share=0.6, even_ratios=True),
    shrink=Amount(1, 1.8, share=0.4, even_ratios=True),
    noise=Amount(0.5, 9, share=0.5, even_ratios=True),
    chroma_noise=Amount(1, 4, share=0.1),
    jpeg=Amount(40, 98, share=0.75),
)
"""The random damage that scanners and file formats do to a worn print."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Worn:
    """A worn picture (1, 3, H, W) in [0, 1], and the mask (1, 1, H, W) of visible wear, widened by 1 px: 1, else 0."""

    picture: Tensor
    mask: Tensor


def wear(picture: Tensor, random: torch.Generator) -> Worn:
    """Returns a picture with one to four kinds of random wear, and the mask of the wear.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        random: CPU generator; the same seed gives the same wear.
    """
    # Draw the kinds of wear, then find where they are visible.
    numbers = np.random.default_rng(cast(int, torch.randint(2**62, (), generator=random).item()))
    clean = to_array(picture)
    layer = _Print(clean.copy())
    chances = np.array([chance for _, chance in _KINDS])
    count = min(1 + int(numbers.geometric(0.55)), 4) if numbers.random() < 0.7 else 1
    for place in numbers.choice(len(_KINDS), count, replace=False, p=chances / chances.sum()):
        _KINDS[place][0](layer, numbers)
    worn = np.clip(layer.pixels, 0, 1)
    seen = (layer.cover > _LEAST_COVER) & (np.abs(worn - clean).max(2) > _LEAST_CHANGE)
    mask = cv2.dilate(seen.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    return Worn(picture=to_tensor(worn), mask=torch.from_numpy(mask)[None, None])


class _Print:
    """The pixels (H, W, 3) of a print, and the share of each that wear has covered so far, (H, W) in [0, 1]."""

    def __init__(self, pixels: _Plane) -> None:
        self.pixels = pixels
        self.cover = np.zeros(pixels.shape[:2], np.float32)

    @property
    def size(self) -> tuple[int, int]:
        return len(self.cover), len(self.cover.T)

    @property
    def share(self) -> float:
        """Returns the area of the picture over the area that gets one group of wear."""
        return self.cover.size / _AREA

    def lay(self, cover: _Plane, colour: _Plane) -> None:
        """Blends a colour (3,), or pixels (H, W, 3), over the picture, with the opacity ``cover`` (H, W) in [0, 1]."""
        self.pixels += cover[..., None] * (colour - self.pixels)
        self.cover = np.maximum(self.cover, cover)

    def shade(self, change: _Plane) -> None:
        """Adds a change of brightness (H, W); only changes above 0.12 count as wear."""
        self.pixels += change[..., None]
        self.cover = np.maximum(self.cover, np.where(np.abs(change) > 0.12, 1, 0).astype(np.float32))


def _log(low: float, high: float, numbers: _Random) -> float:
    return low * (high / low) ** numbers.random()


def _bare(numbers: _Random) -> _Plane:
    """Returns a random colour (3,) of the support below the picture: mostly white paper, or black, brown, or any."""
    # White paper, black, brown, or a layer of a colour film.
    kind = numbers.random()
    if kind < 0.55:
        level = numbers.uniform(0.8, 1.0)
        return (level * (1 - numbers.uniform(0, 0.12) * np.array([0, 0.4, 1]))).astype(np.float32)
    if kind < 0.85:
        return np.full(3, numbers.uniform(0, 0.2), np.float32)
    if kind < 0.95:
        return (numbers.uniform(0.3, 0.8) * np.array([1, 0.85, 0.65])).astype(np.float32)
    return numbers.random(3).astype(np.float32)


def _clouds(size: tuple[int, int], cell: float, numbers: _Random) -> _Plane:
    """Returns a smooth random field (H, W), about uniform in [0, 1], that varies over ``cell`` px."""
    height, width = size
    grid = numbers.random((max(round(height / cell), 2), max(round(width / cell), 2)), np.float32)
    return cast(_Plane, cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC))


def _lines(size: tuple[int, int], paths: list[tuple[_Plane, float]]) -> _Plane:
    """Returns the share (H, W) of each pixel under lines, each given by points (x, y), (N, 2), and a width in px."""
    height, width = size
    large = np.zeros((2 * height, 2 * width), np.uint8)
    for points, thickness in paths:
        cv2.polylines(
            large, [(points * 16).round().astype(np.int32)], False, 255, max(round(2 * thickness), 1), cv2.LINE_AA, 3
        )
    return to_unit(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), 255)


def _walk(start: _Plane, angle: float, length: float, bend: float, numbers: _Random) -> _Plane:
    """Returns points (N, 2) of a random path from ``start`` that turns by about ``bend`` radians every 8 px."""
    steps = max(int(length / 8), 1)
    angles = angle + np.cumsum(numbers.normal(0, bend, steps))
    moves = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (length / steps)
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)]).astype(np.float32)


def _anywhere(size: tuple[int, int], numbers: _Random) -> _Plane:
    return (numbers.random(2) * size[::-1]).astype(np.float32)


def _scratches(layer: _Print, numbers: _Random) -> None:
    """Draws thin scratches, straight or bent, parallel or not, with gaps."""
    # Draw the paths, then break them.
    together, direction = numbers.random() < 0.5, numbers.uniform(0, np.pi)
    thickness, bend = _log(0.5, 2.6, numbers), _log(0.003, 0.25, numbers)
    paths: list[tuple[_Plane, float]] = []
    for _ in range(round(_log(1, 6, numbers) * max(layer.share**0.7, 1))):
        angle = direction + numbers.normal(0, 0.15) if together else numbers.uniform(0, 2 * np.pi)
        length = _log(15, 1.5 * max(layer.size), numbers)
        paths.append(
            (_walk(_anywhere(layer.size, numbers), angle, length, bend, numbers), thickness * numbers.uniform(0.6, 1.4))
        )
    broken = np.clip((_clouds(layer.size, _log(4, 40, numbers), numbers) - numbers.uniform(-0.6, 0.45)) * 4, 0, 1)
    cover = _lines(layer.size, paths) * broken * numbers.uniform(0.3, 1)
    layer.lay(cover.astype(np.float32), _bare(numbers))


def _film_lines(layer: _Print, numbers: _Random) -> None:
    """Draws long, nearly straight lines, as a camera or projector scratches them into a film."""
    # Lines run along one axis and drift slowly along the other.
    height, width = layer.size
    upright, thickness = numbers.random() < 0.75, _log(0.5, 3.0, numbers)
    along, across = (height, width) if upright else (width, height)
    paths: list[tuple[_Plane, float]] = []
    for _ in range(numbers.integers(1, 4)):
        places = numbers.uniform(0, across) + np.cumsum(numbers.normal(0, 0.25, along // 8 + 2))
        first = -10.0 if numbers.random() < 0.7 else numbers.uniform(0, along)
        line = np.stack([places, first + 8 * np.arange(len(places)) * numbers.uniform(0.3, 1.6)], axis=1)
        paths.append(((line if upright else line[:, ::-1]).astype(np.float32), thickness))
    layer.lay(_lines(layer.size, paths) * np.float32(numbers.uniform(0.25, 1)), _bare(numbers))


def _crease(layer: _Print, numbers: _Random) -> None:
    """Draws a fold across the picture: cracked along its line, lighter on one side and darker on the other."""
    # The line: distances along and across it.
    height, width = layer.size
    straight = numbers.random() < 0.6
    angle = numbers.choice([0, np.pi / 2]) + numbers.normal(0, 0.12) if straight else numbers.uniform(0, np.pi)
    left, top = _anywhere(layer.size, numbers)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along, across = (x - left) * np.cos(angle) + (y - top) * np.sin(angle), (y - top) * np.cos(angle)
    across = across - (x - left) * np.sin(angle) + (_clouds(layer.size, 40, numbers) - 0.5) * numbers.uniform(0, 6)
    ends = numbers.random() < 0.3
    within = np.clip((_log(20, 200, numbers) - np.abs(along)) / 10, 0, 1) if ends else np.ones_like(along)
    # The shading of the bend, then the cracks.
    reach = _log(2, 14, numbers)
    side = np.exp(-np.abs(across) / reach) * (np.sign(across) if numbers.random() < 0.6 else 1)
    layer.shade((side * within * numbers.uniform(-0.3, 0.3)).astype(np.float32))
    half = _log(0.6, 4.0, numbers) * (0.3 + 1.2 * _clouds(layer.size, _log(3, 12, numbers), numbers))
    cracked = np.clip((half - np.abs(across)) * numbers.uniform(0.7, 2) + 0.3, 0, 1) * within
    layer.lay((cracked * numbers.uniform(0.4, 1)).astype(np.float32), _bare(numbers))


def _dust(layer: _Print, numbers: _Random) -> None:
    """Draws many small specks and hairs of one colour, as on the scanner's glass or the negative."""
    # Specks first, then hairs.
    height, width = layer.size
    large = np.zeros((2 * height, 2 * width), np.uint8)
    most = _log(0.5, 1.8, numbers)
    for _ in range(round(_log(4, 60, numbers) * layer.share)):
        centre, radius = 2 * _anywhere(layer.size, numbers), 2 * _log(0.4, most + 0.2, numbers)
        axes = (2 * radius * np.exp(numbers.normal(0, 0.35)), 2 * radius)
        cv2.ellipse(large, (tuple(centre.tolist()), axes, numbers.uniform(0, 180)), int(numbers.integers(110, 256)), -1)
    paths: list[tuple[_Plane, float]] = []
    for _ in range(numbers.poisson(0.7 * layer.share) if numbers.random() < 0.5 else 0):
        path = _walk(_anywhere(layer.size, numbers), numbers.uniform(0, 6.3), _log(6, 45, numbers), 0.5, numbers)
        paths.append((path, numbers.uniform(0.4, 1.2)))
    specks = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    layer.lay(np.maximum(specks, _lines(layer.size, paths)), _bare(numbers))


def _blob(size: tuple[int, int], radius: float, softness: float, numbers: _Random) -> _Plane:
    """Returns a spot (H, W) of uneven outline at a random place: 1 inside, 0 outside, soft at the edge."""
    height, width = size
    left, top = _anywhere(size, numbers)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    stretch, angle = np.exp(numbers.normal(0, 0.25)), numbers.uniform(0, np.pi)
    u = ((x - left) * np.cos(angle) + (y - top) * np.sin(angle)) * stretch
    v = ((y - top) * np.cos(angle) - (x - left) * np.sin(angle)) / stretch
    uneven = 1 + numbers.uniform(0, 0.9) * (_clouds(size, max(radius * 0.6, 2), numbers) - 0.5)
    return np.clip((radius * uneven - np.hypot(u, v)) / max(radius * softness, 0.7) + 0.5, 0, 1).astype(np.float32)


def _spots(layer: _Print, numbers: _Random) -> None:
    """Draws some spots of one colour and different sizes: mould, drops or lost emulsion."""
    colour, softness, most = _bare(numbers), _log(0.08, 0.7, numbers), _log(2.5, 14, numbers)
    for _ in range(round(_log(1, 7, numbers) * max(layer.share**0.6, 1))):
        inside = _blob(layer.size, _log(1.5, most, numbers), softness, numbers)
        layer.lay(inside * np.float32(numbers.uniform(0.45, 1)), colour)


def _stain(layer: _Print, numbers: _Random) -> None:
    """Draws a stain of ink, glue or a drop: a nearly opaque patch, often darker at its rim."""
    radius = _log(6, 26, numbers)
    inside = _blob(layer.size, radius, _log(0.05, 0.3, numbers), numbers)
    dark = numbers.uniform(0.1, 0.6) * np.array([1, numbers.uniform(0.75, 1), numbers.uniform(0.5, 1)])
    rim = 4 * inside * (1 - inside) * numbers.uniform(0, 0.3)
    colour = np.float32(dark if numbers.random() < 0.7 else _bare(numbers)) - rim[..., None]
    uneven = np.clip(numbers.uniform(0.6, 1) + 0.3 * (_clouds(layer.size, radius / 2, numbers) - 0.5), 0, 1)
    layer.lay((inside * uneven).astype(np.float32), colour.astype(np.float32))


def _flakes(layer: _Print, numbers: _Random) -> None:
    """Draws patches with jagged edges from which the emulsion has flaked off."""
    rough = _clouds(layer.size, _log(5, 16, numbers), numbers) + 0.4 * _clouds(layer.size, 2.5, numbers)
    where = _blob(layer.size, _log(10, 50, numbers), 0.6, numbers)
    gone = np.clip((rough * where - numbers.uniform(0.75, 1.0)) * 10, 0, 1)
    layer.lay(gone.astype(np.float32), _bare(numbers))


def _jagged(points: _Plane, roughness: float, numbers: _Random) -> _Plane:
    """Returns the line (N, 2) made jagged: three times, midpoints are inserted and displaced sideways."""
    for _ in range(3):
        steps = np.diff(points, axis=0)
        sideways = np.stack([-steps[:, 1], steps[:, 0]], axis=1) * numbers.normal(0, roughness, (len(steps), 1))
        middles = points[:-1] + steps / 2 + sideways
        mixed = np.empty((2 * len(points) - 1, 2), np.float32)
        mixed[::2], mixed[1::2] = points, middles
        points = mixed
    return points


def _lose(layer: _Print, outline: _Plane, numbers: _Random) -> None:
    """Removes the inside of an outline (N, 2), in px, and shows the background, with a rim of torn paper."""
    height, width = layer.size
    gone = np.zeros((height, width), np.uint8)
    cv2.fillPoly(gone, [(outline * 16).round().astype(np.int32)], 255, cv2.LINE_AA, 4)
    rim = round(numbers.uniform(0, 4))
    if rim:
        paper = cv2.GaussianBlur(cv2.dilate(gone, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)), (3, 3), 0)
        layer.lay(to_unit(paper, 255), np.full(3, numbers.uniform(0.75, 1), np.float32))
    layer.lay(to_unit(gone, 255), _bare(numbers))


def _tear(layer: _Print, numbers: _Random) -> None:
    """Draws a tear from an edge inward, which narrows to a point."""
    # The path of the tear, then the opening along it.
    height, width = layer.size
    side = numbers.integers(4)
    x, y = numbers.uniform(0.1, 0.9) * np.array([width, height])
    start = np.array([(x, -2), (width + 2, y), (x, height + 2), (-2, y)], np.float32)
    inward = np.pi / 2 + side * np.pi / 2 + numbers.normal(0, 0.5)
    path = _jagged(_walk(start[side], inward, _log(20, 0.7 * max(layer.size), numbers), 0.12, numbers), 0.12, numbers)
    half = _log(1, 6, numbers) * np.linspace(1, 0, len(path))[:, None]
    aside = np.array([-np.sin(inward), np.cos(inward)])
    other = path - aside * half * numbers.uniform(0.6, 1.4, (len(path), 1))
    _lose(layer, np.concatenate([path + aside * half, other[::-1]]).astype(np.float32), numbers)


def _lost_corner(layer: _Print, numbers: _Random) -> None:
    """Removes a corner that broke off."""
    height, width = layer.size
    right, bottom = numbers.integers(2, size=2)
    corner = np.array([right * width, bottom * height], np.float32)
    inward = np.array([1 - 2 * right, 1 - 2 * bottom])
    along, down = _log(8, 60, numbers), _log(8, 60, numbers)
    edge = np.stack([corner + inward * (along, 0), corner + inward * (0, down)])
    cut = _jagged(edge.astype(np.float32), 0.15, numbers)
    beyond = corner - 5 * inward
    outside = [(beyond[0], cut[-1, 1]), tuple(beyond), (cut[0, 0], beyond[1])]
    _lose(layer, np.concatenate([cut, np.array(outside)]).astype(np.float32), numbers)


_KINDS: Final[tuple[tuple[Callable[[_Print, _Random], None], float], ...]] = (
    (_scratches, 0.26),
    (_film_lines, 0.1),
    (_crease, 0.16),
    (_dust, 0.2),
    (_spots, 0.1),
    (_stain, 0.05),
    (_flakes, 0.05),
    (_tear, 0.05),
    (_lost_corner, 0.04),
)
