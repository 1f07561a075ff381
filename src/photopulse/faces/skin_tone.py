"""Skin tone in a picture: the individual typology angle (ITA) of the colour of cheeks and forehead.

The angle orders skin colours from light to dark (Chardon, Cretois and Hourseau 1991, "Skin colour typology and
suntanning pathways"). It describes how skin looks in this light and at this exposure, and nothing about the person.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.mesh import FaceMesh

ToneGroup = Literal["very light", "light", "intermediate", "tan", "brown", "dark"]
Colours = NDArray[np.float64]

# The least angle of each group, exclusive (Chardon et al. 1991; named as by Del Bino and Bernerd 2013).
_LEAST_ANGLES: tuple[tuple[float, ToneGroup], ...] = (
    (55, "very light"),
    (41, "light"),
    (28, "intermediate"),
    (10, "tan"),
    (-30, "brown"),
)
TONE_GROUPS: tuple[ToneGroup, ...] = (*(name for _, name in _LEAST_ANGLES), "dark")

# Polygons of mesh points: the forehead from the brows to its middle; the cheeks below the lids and above a beard.
_FOREHEAD = (107, 66, 105, 104, 69, 108, 151, 337, 299, 333, 334, 296, 336, 9)
_LEFT_CHEEK = (117, 118, 119, 100, 126, 209, 49, 129, 203, 206, 207, 187, 123)
_RIGHT_CHEEK = (346, 347, 348, 329, 355, 429, 279, 358, 423, 426, 427, 411, 352)
SKIN_POLYGONS = (_FOREHEAD, _LEFT_CHEEK, _RIGHT_CHEEK)

LEAST_CHROMA = 3.0
"""Least chroma of skin in a colour photo; the angle of a colour nearer to grey means nothing."""

# Side in px at which the covered part of each small pixel is computed.
_RASTER = 1024
# Outliers are removed twice: what is over 2.5 deviations (of at least 1) from the median. 1.4826 times the median
# absolute deviation estimates the standard deviation of normal values.
_TRIM_ROUNDS = 2
_TRIM_DEVIATIONS = 2.5
_LEAST_DEVIATION = 1.0
_NORMAL_DEVIATION = 1.4826

# Linear sRGB to XYZ and the white of D65 (IEC 61966-2-1).
_TO_XYZ = np.array([(0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227)])
_WHITE = np.array([0.95047, 1.0, 1.08883])


@dataclass(frozen=True, kw_only=True)
class SkinTone:
    """The colour of the skin of one face in CIELAB (D65).

    Attributes:
        lightness: L*, in [0, 100].
        a: a*, negative is green, positive is red.
        b: b*, negative is blue, positive is yellow.
    """

    lightness: float
    a: float
    b: float

    @property
    def ita(self) -> float:
        """The individual typology angle in degrees; larger is lighter, and above 90 the skin is bluish."""
        return math.degrees(math.atan2(self.lightness - 50, self.b))

    @property
    def chroma(self) -> float:
        """The distance from grey in the plane of a* and b*; near 0 the angle means nothing."""
        return math.hypot(self.a, self.b)


def skin_tone(image: Tensor, mesh: FaceMesh) -> SkinTone:
    """Measures the skin of a sharp face: the median L*, a* and b* of cheeks and forehead.

    Outliers (hair, highlights, glasses, background beside a turned face) are left out.

    Args:
        image: sRGB (1, 3, H, W) in [0, 1].
        mesh: the face's mesh in px of the image.

    Raises:
        PhotopulseError: if cheeks and forehead lie outside the image.
        ValueError: if the image has another shape.
    """
    pixels = _pixels(image)
    region = _filled(mesh.points[:, :2], pixels.shape[:2])
    if not region.any():
        raise PhotopulseError(
            "cannot measure the skin",
            why="cheeks and forehead lie outside of the picture",
            fix="use a picture that shows the whole face",
        )
    lab = to_lab(pixels[region])
    return _tone(np.median(lab[_typical(lab)], axis=0))


def skin_coverage(mesh: FaceMesh, *, picture_side: int, side: int) -> NDArray[np.float64]:
    """Computes which part of each pixel of a small square picture is skin.

    Args:
        mesh: the face's mesh in px of the large square picture from which the small one was made.
        picture_side: height and width of the large picture.
        side: height and width of the small picture.

    Returns:
        (side, side) in [0, 1]: the part of each pixel that cheeks and forehead cover.
    """
    block = math.ceil(_RASTER / side)
    fine = side * block
    points = (mesh.points[:, :2] + 0.5) * (fine / picture_side) - 0.5
    region = _filled(points, (fine, fine))
    return region.reshape(side, block, side, block).mean(axis=(1, 3))


def mean_skin_tone(image: Tensor, coverage: NDArray[np.float64]) -> SkinTone:
    """Measures the skin of a small face: the mean colour of its pixels, weighted by the part of each that is skin.

    The mean is taken of sRGB values, not of linear light, because downscaling averages sRGB values as well; so a face
    keeps its mean colour at any size. Colours are clamped to [0, 1].

    Args:
        image: sRGB (1, 3, h, w), nominally in [0, 1].
        coverage: (h, w) in [0, 1], from ``skin_coverage``.

    Raises:
        PhotopulseError: if no pixel is covered.
        ValueError: if the shapes do not fit.
    """
    pixels = _pixels(image)
    if coverage.shape != pixels.shape[:2]:
        raise ValueError(f"coverage must be {pixels.shape[:2]}, got {coverage.shape}")
    if coverage.sum() <= 0:
        raise PhotopulseError(
            "cannot measure the skin",
            why="no pixel of the small picture shows cheeks or forehead",
            fix="use a picture that shows the whole face",
        )
    mean = np.average(pixels.reshape(-1, 3), axis=0, weights=coverage.reshape(-1))
    return _tone(to_lab(mean[None])[0])


def tone_group(ita: float) -> ToneGroup:
    """Names the group of an angle in degrees: very light above 55, light above 41, intermediate above 28, tan
    above 10, brown above -30, else dark (Chardon et al. 1991, Del Bino and Bernerd 2013)."""
    for least, name in _LEAST_ANGLES:
        if ita > least:
            return name
    return "dark"


def to_lab(colours: Colours) -> Colours:
    """Converts sRGB colours (N, 3) in [0, 1] to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    ratios = linear @ _TO_XYZ.T / _WHITE
    f = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _pixels(image: Tensor) -> Colours:
    if image.ndim != 4 or image.shape[:2] != (1, 3):
        raise ValueError(f"image must be (1, 3, H, W), got {tuple(image.shape)}")
    return image[0].detach().cpu().permute(1, 2, 0).double().clamp(0, 1).numpy()


def _filled(points: Colours, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Marks the pixels (H, W) whose centres lie in cheeks or forehead, borders included."""
    canvas = np.zeros((shape[0], shape[1]), np.uint8)
    for corners in SKIN_POLYGONS:
        cv2.fillPoly(canvas, [np.round(points[list(corners)]).astype(np.int32)], (1,))
    return canvas > 0


def _typical(lab: Colours) -> NDArray[np.bool_]:
    """Marks the colours (N, 3) within 2.5 robust standard deviations of the median, in each of L*, a* and b*."""
    kept = np.ones(len(lab), dtype=np.bool_)
    for _ in range(_TRIM_ROUNDS):
        median = np.median(lab[kept], axis=0)
        deviation = np.median(np.abs(lab[kept] - median), axis=0) * _NORMAL_DEVIATION
        limit = _TRIM_DEVIATIONS * np.maximum(deviation, _LEAST_DEVIATION)
        near = np.asarray(np.all(np.abs(lab - median) <= limit, axis=1), dtype=np.bool_)
        if not near.any():
            break
        kept = near
    return kept


def _tone(lab: Colours) -> SkinTone:
    lightness, a, b = lab.tolist()
    return SkinTone(lightness=lightness, a=a, b=b)
