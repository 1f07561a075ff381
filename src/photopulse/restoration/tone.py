"""Measures and corrects fading: dyes and silver lose density, black becomes gray or coloured, and paper turns yellow.

Only a photo whose darkest parts have faded is corrected. A colour cast that leaves black neutral (sunset, lamps,
foliage) comes from the light, and no measurement of the picture distinguishes it from yellow paper.
"""

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images.arrays import to_array
from photopulse.images.gray import GRAY_WEIGHTS, gray_of
from photopulse.images.resize import resized

_Plane = NDArray[np.float32]
_Curve = NDArray[np.float64]

_LOOKED_AT: Final = 256  # Longer side in px at which tones are measured: grain and dots of print are averaged.
_MARGIN: Final = 10  # Width and height over the margin on each side that is ignored: it can show mount or scanner.
_ENDS: Final = (0.5, 99.5)  # Percentiles that are measured as the black and the white point.
# Of 255: values at which the correction begins, and at which it is complete. None of 240 portraits, faces and other
# pictures reaches the first values, even in coloured light.
_LIFTED: Final = (44.0, 54.0)  # Median of the channels' black points.
_LIFTED_EVERYWHERE: Final = (28.0, 36.0)  # Lowest of the channels' black points.
_RANGE: Final = (185.0, 170.0)  # Largest contrast of a channel.
# Coloured blacks come from faded dyes: if the channels' black points differ by more than the first value, the limits
# of the contrast are raised by the excess, up to the second.
_HUED, _MOST_HUED = 24.0, 20.0
_DEEPEST: Final = 105.0  # A picture without darker pixels has no black to measure: it is high key, or shows mist.
# Standard deviation of the large shapes, over the range: less is one texture, of which nothing need be black.
_LEAST_SHAPES: Final = 0.08
_SHAPES: Final = 16  # The large shapes are larger than this share of the picture.
# Scatter of the colours round those of one tint, over the range: less is black and white, sepia or cyanotype.
_LEAST_COLOURS: Final = 0.04
_LEVELS: Final = 32
# Share of the correction that such a photo gets: many were printed or drawn softly, and grain grows with contrast.
_ONE_TINT: Final = 0.7
# Share that the channels' own ranges, and their steepest edges, have in how far each is stretched; the rest is common
# to all. Chosen on faded portraits and pictures of all kinds for the least colour difference to what they were.
_OWN_RANGE, _OWN_EDGES = 0.3, 0.3
_NORM: Final = 6  # Of the edges (van de Weijer et al. 2007).
_BLACK, _WHITE = 14.0, 235.0  # Of 255, what the black and the white point become.
_KNOTS: Final = 1025


@dataclass(frozen=True, kw_only=True)
class Fading:
    """The measured fading of a photo.

    Attributes:
        amount: share of the correction that the photo needs, in [0, 1].
        black: red, green and blue value, of 255, to which black has faded.
        white: red, green and blue value, of 255, to which white has faded; it can be above 255 if nothing is white.
        one_tint: whether the photo is black and white, sepia or blue; then its luma is corrected and its tint kept.
    """

    amount: float
    black: tuple[float, float, float]
    white: tuple[float, float, float]
    one_tint: bool


UNFADED: Final = Fading(amount=0.0, black=(0.0, 0.0, 0.0), white=(255.0, 255.0, 255.0), one_tint=False)
"""The fading of a photo whose black is black and whose white is white."""


def measure_fading(photo: Tensor) -> Fading:
    """Returns the fading of a photo (1, 3, H, W) in [0, 1], measured without its margins."""
    # Measure the black and white points, then decide how much to correct.
    pixels = _inner(photo)
    low, high = np.percentile(pixels.reshape(-1, 3), _ENDS, axis=0)
    luma = pixels @ np.array(GRAY_WEIGHTS, np.float32)
    largest = max(float((high - low).max()), 1.0)
    one_tint = _scatter(pixels, luma) < _LEAST_COLOURS * largest
    amount = _amount(low, largest) if _shapes(luma) >= _LEAST_SHAPES else 0.0
    if one_tint:
        low, high = (np.repeat(end, 3) for end in np.percentile(luma, _ENDS))
        white, amount = high, _ONE_TINT * amount
    else:
        white = low + _stretch(pixels, high - low)
    return Fading(amount=round(amount, 3), black=_told(low), white=_told(white), one_tint=one_tint)


def without_fading(photo: Tensor, fading: Fading) -> Tensor:
    """Returns a photo (1, 3, H, W) in [0, 1] with black and white restored by one rising curve for each channel.

    The curve is the mean of that for a veil (a line) and that for dyes that have lost a share of their density (a
    power of the light). A photo of one tint gets one curve for its luma.
    """
    # Compute the curves, then apply them to the luma or to the channels.
    if not fading.amount:
        return photo
    curves = [_curve(*ends, fading.amount) for ends in zip(fading.black, fading.white, strict=True)]
    if fading.one_tint:
        luma = gray_of(photo)
        wanted = _through(curves[0], luma)
        # Pixels that become darker lose colour in proportion, so that no channel is clipped at black.
        darker = photo * wanted / luma.clamp(min=1e-6)
        return torch.where(wanted < luma, darker, photo + wanted - luma).clamp(0, 1)
    channels = [photo[:, place : place + 1] for place in range(3)]
    return torch.cat([_through(curve, channel) for curve, channel in zip(curves, channels, strict=True)], dim=1)


def _inner(photo: Tensor) -> _Plane:
    """Returns the photo without its margins, downscaled, as (H, W, 3) of 255."""
    height, width = photo.shape[2:]
    top, left = height // _MARGIN, width // _MARGIN
    inner = photo[:, :, top : height - top, left : width - left]
    factor = min(_LOOKED_AT / max(inner.shape[2:]), 1)
    small = resized(inner, *(max(round(side * factor), 1) for side in inner.shape[2:]))
    return to_array(small.clamp(0, 1)) * np.float32(255)


def _amount(low: _Curve, largest: float) -> float:
    least, middle, most = sorted(float(end) for end in low)
    if middle > _DEEPEST:
        return 0.0
    compared = largest - min(max(most - least - _HUED, 0.0), _MOST_HUED)
    return min(_between(middle, _LIFTED), _between(least, _LIFTED_EVERYWHERE), _between(compared, _RANGE))


def _between(value: float, ends: tuple[float, float]) -> float:
    """Returns 0 up to the first end and 1 from the other on, linear in between; the first end can be the larger."""
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _shapes(luma: _Plane) -> float:
    low, high = np.percentile(luma, _ENDS)
    blurred = cast(_Plane, cv2.GaussianBlur(luma, (0, 0), max(luma.shape) / _SHAPES))
    return float(blurred.std()) / max(float(high - low), 1.0)


def _scatter(pixels: _Plane, luma: _Plane) -> float:
    """Returns the root mean square distance, of 255, of the colours from the mean colour of their luma."""
    level = np.minimum((luma * _LEVELS / 256).astype(np.int64), _LEVELS - 1).ravel()
    count = np.maximum(np.bincount(level, minlength=_LEVELS), 1)
    square = np.zeros(level.shape)
    for place in range(3):
        colour = (pixels[..., place] - luma).ravel()
        square += (colour - (np.bincount(level, colour, _LEVELS) / count)[level]) ** 2
    return float(np.sqrt(square.mean()))


def _stretch(pixels: _Plane, ranges: _Curve) -> _Curve:
    """Returns the range of each channel that is stretched to the full one; at least its own, to avoid clipping."""
    blurred = cast(_Plane, cv2.GaussianBlur(pixels, (0, 0), 1.0))
    slope = np.hypot(cv2.Sobel(blurred, -1, 1, 0), cv2.Sobel(blurred, -1, 0, 1))
    edges = np.power(slope.astype(np.float64), _NORM).mean((0, 1)) ** (1 / _NORM)
    ranges = np.maximum(ranges, 1.0)
    own, steep = (np.log(each) - np.log(each).mean() for each in (ranges, np.maximum(edges, 1e-3)))
    relative = np.exp(_OWN_RANGE * own + _OWN_EDGES * steep)
    return (ranges / relative).max() * relative


def _curve(black: float, white: float, amount: float) -> _Curve:
    """Returns the tone curve: the new values of evenly spaced values from 0 to 1."""
    # The curve for a veil.
    values = np.linspace(0, 1, _KNOTS)
    veil = (_BLACK + (255 * values - black) / (white - black) * (_WHITE - _BLACK)) / 255
    # The curve for dyes is linear in density: it maps the black point to black, and the white point to white.
    end = min(white, 254.0)
    seen, ends = _density(values), _density(np.array([black, end]) / 255)
    deep, bright = _density(np.array([_BLACK, _WHITE]) / 255)
    dyes = _encoded(10 ** -(bright + (seen - ends[1]) * (deep - bright) / (ends[0] - ends[1])))
    return np.maximum.accumulate(values + amount * (np.clip((veil + dyes) / 2, 0, 1) - values))


def _through(curve: _Curve, channel: Tensor) -> Tensor:
    values = channel.detach().cpu().numpy()
    return torch.from_numpy(np.interp(values, np.linspace(0, 1, _KNOTS), curve).astype(np.float32)).to(channel)


def _density(values: _Curve) -> _Curve:
    """Returns the optical density (negative decimal logarithm of the light) of sRGB values in [0, 1]."""
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return -np.log10(np.maximum(light, 1e-4))


def _encoded(light: _Curve) -> _Curve:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _told(ends: _Curve) -> tuple[float, float, float]:
    red, green, blue = (round(float(end), 1) for end in ends)
    return red, green, blue
