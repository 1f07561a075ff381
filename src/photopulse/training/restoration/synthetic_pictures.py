"""Random synthetic pictures for the photo network: every hue, edges of all sizes, textures, gradients, text.

A network that was trained on portraits alone takes everything else for damage. These pictures show nothing real but
have the statistics of photos: occluding shapes of all sizes ("dead leaves": Lee, Mumford and Huang 2001), textures with
the spectrum of natural ones, gratings, smooth gradients and letters of any script in the installed fonts.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import cv2
import numpy as np
import torch
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

_Random = np.random.Generator
_Picture = NDArray[np.float32]  # (H, W, 3) in [0, 1].

# Matplotlib's stubs leave some types open.
_font_manager = cast(Any, font_manager)

_LETTER_SIZES: Final = (7, 36)
_MOST_LEAVES: Final = 160
_SPACE_AND_CONTROLS: Final = 0x21


def draw_picture(size: int, random: torch.Generator, *, fonts: Sequence[Path]) -> Tensor:
    """Draws a sharp picture (1, 3, size, size) in [0, 1]; all randomness comes from ``random``, a CPU generator.

    Args:
        size: height and width in px.
        random: of kind, shapes and colours.
        fonts: for letters, from ``find_fonts``; without any there is no text.
    """
    numbers = np.random.default_rng(cast(int, torch.randint(2**62, (), generator=random).item()))
    # The kinds of pictures and their shares.
    kinds: list[tuple[Callable[[int, _Random], _Picture], float]] = [
        (_leaves, 0.35),
        (_texture, 0.15),
        (_grating, 0.1),
        (_gradient, 0.2),
    ]
    if fonts:
        kinds.append((lambda side, numbers: _text(side, numbers, fonts), 0.2))
    # Draw a picture of a random kind.
    shares = np.array([share for _, share in kinds])
    draw = kinds[numbers.choice(len(kinds), p=shares / shares.sum())][0]
    picture = np.clip(draw(size, numbers), 0, 1)
    return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()


@lru_cache(maxsize=1)
def find_fonts() -> tuple[Path, ...]:
    """Finds the outline fonts of this machine, those that come with matplotlib among them, sorted by name."""
    own = Path(_font_manager.findfont(_font_manager.FontProperties())).parent
    files = {Path(name) for name in _font_manager.findSystemFonts()} | set(own.glob("*.ttf"))
    return tuple(sorted(file for file in files if _characters(file)))


@lru_cache(maxsize=1024)
def _characters(font: Path) -> tuple[str, ...]:
    """Returns the characters that a font can draw; none if it cannot be read."""
    try:
        codes = cast(dict[int, int], _font_manager.get_font(str(font)).get_charmap())
    except (OSError, RuntimeError):
        return ()
    return tuple(chr(code) for code in sorted(codes) if code >= _SPACE_AND_CONTROLS)


def _log_uniform(low: float, high: float, numbers: _Random) -> float:
    """Draws from the log-uniform distribution between ``low`` and ``high``."""
    return low * (high / low) ** numbers.random()


def _colour(numbers: _Random) -> NDArray[np.float32]:
    """Draws a colour (3,) of any hue; grays, and the ends of the range, are as frequent as they are in pictures."""
    hue, saturation, value = numbers.random(), numbers.beta(1.0, 1.4), numbers.beta(1.2, 1.0)
    if numbers.random() < 0.2:
        value = float(numbers.integers(2))
    hsv = np.array([[[hue * 360, saturation, value]]], np.float32)
    return cast(NDArray[np.float32], cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])


def _leaves(size: int, numbers: _Random) -> _Picture:
    """Shapes that hide each other, the small ones many, the large ones few; drawn twice as large for smooth edges."""
    large = 2 * size
    picture = np.empty((large, large, 3), np.float32)
    picture[:] = _colour(numbers)
    palette = [_colour(numbers) for _ in range(numbers.integers(2, 24))]
    # The density of radii falls with their third power, from large to small so that the small ones are seen.
    least, most = 1.5, large / 2
    places = numbers.random(numbers.integers(10, _MOST_LEAVES))
    radii = np.sort(least / np.sqrt(1 - places * (1 - (least / most) ** 2)))[::-1] * numbers.uniform(1, 4)
    for radius in radii:
        mask = np.zeros((large, large), np.uint8)
        _draw_leaf(mask, radius, numbers)
        shape = mask > 0
        picture[shape] = palette[numbers.integers(len(palette))]
        if radius > 12 and numbers.random() < 0.3:
            grain = _spectrum(large, numbers, slope=numbers.uniform(0, 2)) * numbers.uniform(0.02, 0.15)
            picture[shape] += grain[shape][:, None]
    return _halved(picture, size)


def _draw_leaf(mask: NDArray[np.uint8], radius: float, numbers: _Random) -> None:
    """Fills an ellipse, a rectangle, a triangle or a ribbon at a random place."""
    # Place, proportions and kind.
    side = len(mask)
    centre = numbers.uniform(0, side, 2)
    stretch, angle = np.exp(numbers.normal(0, 0.5)), numbers.uniform(0, 180)
    axes = (max(radius * stretch, 1.0), max(radius / stretch, 1.0))
    kind = numbers.integers(4)

    # The shape.
    if kind == 0:
        cv2.ellipse(mask, (tuple(centre), (2 * axes[0], 2 * axes[1]), angle), 1, -1)
    elif kind == 1:
        corners = cv2.boxPoints((tuple(centre), (2 * axes[0], 2 * axes[1]), angle))
        cv2.fillPoly(mask, [corners.round().astype(np.int32)], 1)
    elif kind == 2:
        corners = centre + numbers.normal(0, radius, (numbers.integers(3, 7), 2))
        cv2.fillPoly(mask, [corners.round().astype(np.int32)], 1)
    else:
        path = centre + np.cumsum(numbers.normal(0, 2 * radius + 8, (numbers.integers(2, 6), 2)), axis=0)
        cv2.polylines(mask, [path.round().astype(np.int32)], False, 1, thickness=max(round(radius / 3), 1))


def _halved(picture: _Picture, size: int) -> _Picture:
    """Makes what was drawn twice as large (2 size, 2 size[, 3]) smaller, so that edges are smooth."""
    return cast(_Picture, cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))


def _spectrum(size: int, numbers: _Random, *, slope: float) -> NDArray[np.float32]:
    """Random noise (size, size) of deviation 1 whose amplitudes fall with that power of the frequency."""
    noise = np.fft.rfft2(numbers.standard_normal((size, size), np.float32))
    rows, columns = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    frequency = np.hypot(rows, columns * np.exp(numbers.normal(0, 0.4)))
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(noise / frequency**slope, (size, size)).astype(np.float32)
    return field / max(float(field.std()), 1e-6)


def _texture(size: int, numbers: _Random) -> _Picture:
    """Two colours, mixed by a natural spectrum: cloth, foliage, hair, stone."""
    first, second = _colour(numbers), _colour(numbers)
    field = _spectrum(size, numbers, slope=numbers.uniform(0.3, 1.8))
    share = 1 / (1 + np.exp(-field * numbers.uniform(0.3, 4)))
    return (first + share[..., None] * (second - first)).astype(np.float32)


def _grating(size: int, numbers: _Random) -> _Picture:
    """Stripes or checks whose width changes across the picture: fences, fabric, bricks."""
    # Two colours and a direction, at twice the size.
    large = 2 * size
    first, second = _colour(numbers), _colour(numbers)
    angle, period = numbers.uniform(0, np.pi), _log_uniform(6, 80, numbers)
    y, x = np.mgrid[:large, :large].astype(np.float32)
    along = np.cos(angle) * x + np.sin(angle) * y
    across = np.cos(angle) * y - np.sin(angle) * x
    # Waves along it, whose period changes; sometimes crossed by others.
    bend = numbers.uniform(-0.3, 0.3) / large
    wave = np.sin(2 * np.pi * along * (1 + bend * along) / period)
    if numbers.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * across / period)
    # Sharp or soft edges between the colours.
    share = wave > numbers.uniform(-0.7, 0.7) if numbers.random() < 0.6 else (wave + 1) / 2
    picture = first + np.asarray(share, np.float32)[..., None] * (second - first)
    return _halved(picture.astype(np.float32), size)


def _gradient(size: int, numbers: _Random) -> _Picture:
    """A flat area, a sky, or soft light; now and then with a few hard shapes before it."""
    # The gradient: none, linear or radial.
    first, second = _colour(numbers), _colour(numbers)
    y, x = (np.mgrid[:size, :size] / size).astype(np.float32)
    kind = numbers.integers(3)
    if kind == 0:
        share = np.zeros_like(x)
    elif kind == 1:
        angle = numbers.uniform(0, 2 * np.pi)
        share = np.cos(angle) * x + np.sin(angle) * y
    else:
        left, top = numbers.uniform(0, 1, 2)
        share = np.hypot(x - left, y - top)
    picture = np.asarray(first + (share * numbers.uniform(0.1, 1))[..., None] * (second - first), np.float32)

    # Hard shapes before it.
    for _ in range(numbers.integers(0, 4) if numbers.random() < 0.5 else 0):
        mask = np.zeros((2 * size, 2 * size), np.uint8)
        _draw_leaf(mask, float(np.exp(numbers.uniform(0.5, 4.5))), numbers)
        cover = _halved(mask.astype(np.float32), size)[..., None]
        picture = picture + cover * (_colour(numbers) - picture)
    return picture.astype(np.float32)


def _text(size: int, numbers: _Random, fonts: Sequence[Path]) -> _Picture:
    """Lines of letters of one font, in one colour, on a flat or slightly uneven page."""
    page = _colour(numbers) if numbers.random() < 0.5 else np.full(3, float(numbers.uniform(0.85, 1)), np.float32)
    ink = _colour(numbers) if numbers.random() < 0.5 else np.full(3, float(numbers.uniform(0, 0.2)), np.float32)
    file = fonts[int(numbers.integers(len(fonts)))]
    letters = _characters(file)
    # One stretch of the font's characters: a script, not all of them mixed.
    start = numbers.integers(max(len(letters) - 60, 1)) if numbers.random() < 0.5 else 0
    script = letters[start : start + 90]
    height = int(_log_uniform(*_LETTER_SIZES, numbers))
    cover = Image.new("L", (size, size))
    draw = ImageDraw.Draw(cover)
    try:
        font = ImageFont.truetype(file, height)
        for y in range(int(numbers.integers(-height, height)), size, round(height * numbers.uniform(1.1, 1.8))):
            words = [
                "".join(numbers.choice(script, size=int(numbers.integers(1, 10))))
                for _ in range(max(size // (3 * height), 1) + 1)
            ]
            draw.text((int(numbers.integers(-height, height)), y), " ".join(words), fill=255, font=font)
    except (OSError, ValueError, RuntimeError):
        # A font of bitmaps, a damaged one, or letters that cannot be laid out as a line.
        return _gradient(size, numbers)
    share = np.asarray(cover, np.float32)[..., None] / 255
    paper = page + _spectrum(size, numbers, slope=1.5)[..., None] * numbers.choice([0, 0.02])
    return np.asarray(paper + share * (ink - paper), np.float32)
