"""Measures the damage of a photo (noise, JPEG blocks, blur, fading, halftone), so that sound photos stay unchanged.

Everything is measured in the pixels, in some tens of milliseconds, because a file does not record what was done to the
picture before it was last saved.
"""

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images import Photo
from photopulse.images.arrays import to_array
from photopulse.restoration.screens import Screen, find_screens
from photopulse.restoration.tone import UNFADED, Fading, measure_fading

_Plane = NDArray[np.float32]

# Largest width and height in px that are measured, in the middle of the picture.
_LOOKED_AT: Final = 1600
_GRID: Final = 8
_CUT_BLOCKS: Final = 16  # Height in px of the last, incomplete row of blocks in a truncated JPEG.
# Extra step across the lines of JPEG's grid, of 255, by the quality of the file; measured on portraits, diverse faces
# and Set14, whose medians agree within a tenth.
_STEPS: Final = (0.1, 0.18, 0.45, 0.68, 1.06, 1.5, 2.05, 3.1)
_QUALITIES: Final = (98, 95, 90, 85, 75, 60, 40, 20)
# Share that the steepest pixel has of the step over three pixels, by the deviation in px of the Gaussian that blurred
# the edge.
_SHARES: Final = (0.36, 0.379, 0.428, 0.469, 0.497, 0.533, 0.577, 0.683, 0.75)
_DEVIATIONS: Final = (2.0, 1.5, 1.0, 0.8, 0.7, 0.6, 0.5, 0.3, 0.0)
_LEAST_STEP: Final = 12.0  # Of 255; smaller steps are noise or shading.
_LEAST_EDGES: Final = 50
_MOST_CONTRAST: Final = 2.0  # Largest contrast of a block that shows nothing but noise, over the noise.
_LEAST_BLOCKS: Final = 4
# Where a picture is clipped, its noise is, too.
_DARK: Final = 3.0
_BRIGHT: Final = 252.0


@dataclass(frozen=True, kw_only=True)
class PhotoDamage:
    """The measured damage of a photo.

    Attributes:
        noise: standard deviation of the luma's noise, of 255, in the smoothest parts of the picture.
        chroma_noise: standard deviation of the colours' noise, of 255, at half of the size.
        jpeg_quality: JPEG quality from 1 to 100, estimated from the steps across the grid of blocks; 100 without steps.
        blur: standard deviation in px of the Gaussian blur of the edges; None if the picture has no edges. An enlarged
            picture counts as blurred.
        fading: fading of blacks, whites and colours.
        screens: halftone screens, strongest first.
    """

    noise: float
    chroma_noise: float
    jpeg_quality: int
    blur: float | None
    fading: Fading = UNFADED
    screens: tuple[Screen, ...] = ()

    @property
    def strength(self) -> float:
        """Returns the share of the cleaning that the photo needs, in [0, 1]."""
        blur = 0.0 if self.blur is None else _rising(self.blur, 0.72, 0.95)
        return max(self.dirt, blur)

    @property
    def dirt(self) -> float:
        """Returns the share of the cleaning, in [0, 1], that noise and JPEG blocks need, regardless of blur."""
        return max(
            _rising(self.noise, 1.5, 4.5),
            _rising(self.chroma_noise, 0.8, 2.5),
            _rising(100 - self.jpeg_quality, 12, 30),
        )


def measurable(photo: Photo) -> Tensor:
    """Returns the pixels of a photo (1, 3, H, W), black where it is transparent or its file was truncated.

    The measurement ignores black, but would take the fill colour of such parts for a smooth area.
    """
    pixels = photo.pixels
    if photo.alpha is not None:
        pixels = pixels * (photo.alpha > 0.5)
    if photo.missing_rows:
        pixels = pixels.clone()
        pixels[:, :, -photo.missing_rows - _CUT_BLOCKS :] = 0
    return pixels


def look_at(photo: Tensor) -> PhotoDamage:
    """Returns the damage of a photo (1, 3, H, W) in [0, 1]."""
    channels = _channels(photo)
    luma = np.ascontiguousarray(channels[..., 0])
    noise, chroma_noise = _noises(channels)
    step = _grid_step(luma)
    return PhotoDamage(
        noise=round(noise, 2),
        chroma_noise=round(chroma_noise, 2),
        jpeg_quality=100 if step < _STEPS[0] else round(float(np.interp(step, _STEPS, _QUALITIES))),
        blur=_blur(luma),
        fading=measure_fading(photo),
        screens=find_screens(luma),
    )


def noise_of(photo: Tensor) -> tuple[float, float]:
    """Returns the noise and the chroma noise of a photo (1, 3, H, W) in [0, 1], in the units of ``PhotoDamage``."""
    return _noises(_channels(photo))


def _channels(photo: Tensor) -> _Plane:
    """Returns the luma and the two chroma channels (H, W, 3), of 255, of the middle of a photo."""
    return cast(_Plane, cv2.cvtColor(to_array(_middle(photo)), cv2.COLOR_RGB2YCrCb)) * np.float32(255)


def _noises(channels: _Plane) -> tuple[float, float]:
    luma = np.ascontiguousarray(channels[..., 0])
    height, width = (side // 2 * 2 for side in luma.shape)
    half = (max(width // 2, 1), max(height // 2, 1))
    smaller = cast(_Plane, cv2.resize(channels, half, interpolation=cv2.INTER_AREA))
    colours = [_noise(np.ascontiguousarray(smaller[..., place]), smaller[..., 0]) for place in (1, 2)]
    return _noise(luma, luma), max(colours)


def _middle(photo: Tensor) -> Tensor:
    top, left = (max(side - _LOOKED_AT, 0) // 2 for side in photo.shape[2:])
    return photo[:, :, top : top + _LOOKED_AT, left : left + _LOOKED_AT]


def _noise(plane: _Plane, brightness: _Plane) -> float:
    """The deviation of white noise, from the blocks of 8 x 8 px in which there is least else."""
    # The second difference in both directions: edges and slopes vanish in it, white noise keeps its deviation.
    line = np.array([1, -2, 1], np.float32) / np.float32(6**0.5)
    grain = cast(_Plane, cv2.sepFilter2D(plane, -1, line, line))
    rows, columns = (side // _GRID for side in plane.shape)
    if not rows * columns:
        return 0.0
    grains, planes, lights = (_blocks(one, rows, columns) for one in (grain, plane, brightness))
    deviation, contrast = np.sqrt(np.square(grains).mean(1)), planes.std(1)
    # A block with more contrast than white noise has shows a texture, an edge or a letter.
    is_noise = contrast < _MOST_CONTRAST * deviation + 0.5
    seen = deviation[is_noise & (lights.min(1) > _DARK) & (lights.max(1) < _BRIGHT)]
    if seen.size < _LEAST_BLOCKS:
        return 0.0
    # In white noise, 2 % of the blocks measure less than 0.8 of its deviation.
    return float(np.percentile(seen, 2)) / 0.8


def _blocks(plane: _Plane, rows: int, columns: int) -> _Plane:
    """Returns the blocks of 8 x 8 px of a plane, (rows * columns, 64)."""
    cut = plane[: rows * _GRID, : columns * _GRID].reshape(rows, _GRID, columns, _GRID)
    return cut.transpose(0, 2, 1, 3).reshape(rows * columns, _GRID**2)


def _grid_step(luma: _Plane) -> float:
    """Returns the excess of the steps across every eighth line over those beside them, of 255, mean of both axes."""
    extra: list[float] = []
    for plane in (luma, luma.T):
        step = np.minimum(np.abs(np.diff(plane, axis=1)), 20)
        beyond = (step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2).mean(axis=0)
        count = len(beyond) // _GRID * _GRID
        if not count:
            return 0.0
        # The median over the lines: JPEG steps lie on every eighth line, edges of objects only on few.
        phases = np.median(beyond[:count].reshape(-1, _GRID), axis=0)
        extra.append(float(phases.max() - np.median(phases)))
    return sum(extra) / 2


def _blur(luma: _Plane) -> float | None:
    """Returns the deviation in px of the Gaussian blur of the median strong edge; None if there are too few edges."""
    # Find the steepest pixel of each edge, in both directions.
    steepest: list[_Plane] = []
    whole: list[_Plane] = []
    for plane in (luma, luma.T):
        step, over_three = np.abs(plane[:, 2:-1] - plane[:, 1:-2]), np.abs(plane[:, 3:] - plane[:, :-3])
        inner = step[:, 1:-1]
        is_peak = (inner >= step[:, :-2]) & (inner >= step[:, 2:])
        steepest.append(inner[is_peak])
        whole.append(over_three[:, 1:-1][is_peak])
    # Compare its step with that over three pixels, at the strongest edges.
    steps, wholes = np.concatenate(steepest), np.concatenate(whole)
    if not wholes.size:
        return None
    strong = wholes >= max(float(np.percentile(wholes, 95)), _LEAST_STEP)
    if strong.sum() < _LEAST_EDGES:
        return None
    share = float(np.median(steps[strong] / wholes[strong]))
    return round(float(np.interp(share, _SHARES, _DEVIATIONS)), 2)


def _rising(value: float, first: float, last: float) -> float:
    """Returns 0 up to ``first`` and 1 from ``last`` on, rising linearly in between."""
    return min(max((value - first) / (last - first), 0.0), 1.0)
