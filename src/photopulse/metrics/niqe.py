"""NIQE: the distance of an image's statistics from those of undistorted photos (Mittal, Soundararajan, Bovik 2013).

No reference is needed; lower is more natural. The values are those of the authors' MATLAB release: BT.601 luma in
whole grey levels, blocks of 96 x 96 pixels from the top left, the same again at half size, and the authors' own
model of pristine photos (``niqe_pristine.npz``; its source and notice are in ``niqe_pristine.txt``).
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.metrics.luma import byte_luma, check_image

Values = NDArray[np.float64]

BLOCK = 96
FEATURES = 36
_PRISTINE = Path(__file__).with_name("niqe_pristine.npz")
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_BELL = np.exp(-(np.arange(-3.0, 4.0) ** 2) / (2 * (7 / 6) ** 2))
_GAUSSIAN = _BELL / _BELL.sum()
# Cubic convolution (Keys 1981, a = -1/2), stretched by two: its values at 1/4, 3/4, 5/4 and 7/4 on both sides.
_HALVING = np.array([-3.0, -9.0, 29.0, 111.0, 111.0, 29.0, -9.0, -3.0]) / 256
# Differences below this many grey levels are rounding errors of arithmetic on flat areas.
_ROUNDING_ERROR = 1e-9


def niqe(image: Tensor, *, shave: int = 0) -> float:
    """Computes the NIQE score of one image. Lower is more natural; sharp photos have about 2 to 5.

    The image is clamped and rounded to bytes first, so that a file and the tensor from which it was written agree.

    Args:
        image: (1, 3, H, W), nominally [0, 1], at least two blocks of 96 x 96 pixels; rows and columns beyond whole
            blocks are cut off at the right and at the bottom.
        shave: pixels to cut off at each side first; state it beside every score, because it changes the score.

    Raises:
        ValueError: if the image is not (1, 3, H, W), holds a NaN, or has fewer than two usable blocks.
    """
    return niqe_score(niqe_features(image, shave))


def niqe_features(image: Tensor, shave: int = 0) -> Values:
    """Computes the 36 statistics of each 96 x 96 block of one image: 18 at full size, 18 at half size.

    Concatenate the blocks of several images and pass them to ``niqe_score`` for one score of the set.

    Args:
        image: (1, 3, H, W), nominally [0, 1], at least 96 x 96 after shaving.
        shave: pixels to cut off at each side first.

    Returns:
        (blocks, 36), float64; NaN in blocks without any contrast.

    Raises:
        ValueError: if the image is not (1, 3, H, W), holds a NaN, or is smaller than one block.
    """
    check_image(image)
    # Luma, without the shave and what exceeds whole blocks.
    if image.shape[0] != 1 or shave < 0:
        raise ValueError(f"NIQE takes one image (1, 3, H, W) and shave >= 0, got {tuple(image.shape)} and {shave}")
    grey = byte_luma(image)[0, 0].cpu().numpy().astype(np.float64)
    rows, columns = (max(size - 2 * shave, 0) // BLOCK for size in grey.shape)
    if not rows * columns:
        height, width = grey.shape
        raise ValueError(f"NIQE needs {BLOCK} x {BLOCK} pixels, got {height} x {width} with a shave of {shave}")
    grey = grey[shave : shave + rows * BLOCK, shave : shave + columns * BLOCK]
    # The same statistics at both sizes.
    fine = _block_features(_normalise(grey), BLOCK)
    coarse = _block_features(_normalise(_halve(grey)), BLOCK // 2)
    return np.concatenate([fine, coarse], axis=1)


def niqe_score(features: Values) -> float:
    """Computes the distance of the blocks' statistics (N, 36) from the model of pristine photos (equation 10).

    Raises:
        ValueError: if the features are not (N, 36) or fewer than two blocks are free of NaN.
    """
    if features.ndim != 2 or features.shape[1] != FEATURES:
        raise ValueError(f"features must be (blocks, {FEATURES}), got {features.shape}")
    complete = features[~np.isnan(features).any(axis=1)]
    if len(complete) < 2:
        raise ValueError(
            f"NIQE needs at least two blocks of {BLOCK} x {BLOCK} pixels with contrast, got {len(complete)} "
            f"(of {len(features)} blocks)"
        )
    pristine_mean, pristine_covariance = _pristine()
    # As in MATLAB: the mean uses every value that is not NaN, the covariance only blocks without NaN.
    difference = pristine_mean - np.nanmean(features, axis=0)
    covariance = (pristine_covariance + np.cov(complete, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(covariance) @ difference))


@cache
def _pristine() -> tuple[Values, Values]:
    """Reads the mean (36,) and the covariance (36, 36) of the authors' 125 pristine photos."""
    with np.load(_PRISTINE) as stored:
        return stored["mean"], stored["covariance"]


def _normalise(grey: Values) -> Values:
    """Subtracts the local mean and divides by the local contrast plus one (equation 1)."""
    mean = _filter(grey, _GAUSSIAN, cv2.BORDER_REPLICATE)
    contrast = np.sqrt(np.abs(_filter(grey * grey, _GAUSSIAN, cv2.BORDER_REPLICATE) - mean * mean))
    difference = grey - mean
    # Otherwise the sign of a rounding error would decide whether a flat area counts as negative or positive.
    difference[np.abs(difference) < _ROUNDING_ERROR] = 0.0
    return difference / (contrast + 1)


def _halve(grey: Values) -> Values:
    """Halves height and width (even) as MATLAB's ``imresize(grey, 0.5)`` does: bicubic, antialiased."""
    return _filter(grey, _HALVING, cv2.BORDER_REFLECT)[::2, ::2]


def _filter(grey: Values, taps: Values, border: int) -> Values:
    """Correlates rows and columns with the taps; the fourth of seven or eight taps lies on the pixel."""
    return cast(Values, cv2.sepFilter2D(grey, cv2.CV_64F, taps, taps, anchor=(3, 3), borderType=border))


def _block_features(normalised: Values, size: int) -> Values:
    """Computes the 18 statistics of each block: (H, W) to (blocks, 18)."""
    rows, columns = (length // size for length in normalised.shape)
    blocks = normalised.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size)
    shape, left, right, _ = _fit(blocks)
    features = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        # Neighbours wrap around at the block's edges, as in the authors' release.
        shape, left, right, mean = _fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        features += [shape, mean, left, right]
    return np.stack(features, axis=1)


class _Fit(NamedTuple):
    """Asymmetric generalised Gaussians, one per block (N,): shape alpha, scales left and right of zero, mean."""

    shape: Values
    left: Values
    right: Values
    mean: Values


def _fit(blocks: Values) -> _Fit:
    """Fits the distribution to each block's values (N, s, s) by matching moments (Lasmar et al. 2009)."""
    # The second moments of negative and of positive values.
    values = blocks.reshape(len(blocks), -1)
    low, high = np.minimum(values, 0), np.maximum(values, 0)
    low_energy, high_energy = np.einsum("np,np->n", low, low), np.einsum("np,np->n", high, high)
    pixels = values.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        left_deviation = np.sqrt(low_energy / np.count_nonzero(low, axis=1))
        right_deviation = np.sqrt(high_energy / np.count_nonzero(high, axis=1))
        # The ratio of moments from which the shape follows.
        skew = left_deviation / right_deviation
        ratio = ((high.sum(axis=1) - low.sum(axis=1)) / pixels) ** 2 / ((low_energy + high_energy) / pixels)
        target = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    # The shape by table, then scales and mean from the shape.
    table = _shape_table()
    index = table.nearest(target)
    left, right = left_deviation * table.scale[index], right_deviation * table.scale[index]
    return _Fit(table.shape[index], left, right, (right - left) * table.mean[index])


class _ShapeTable(NamedTuple):
    """Functions of the shape alpha, at each of the 9801 shapes of the authors' grid; each (9801,).

    Attributes:
        shape: alpha.
        ratio: the moment ratio of a distribution with this shape.
        scale: its scale over its standard deviation.
        mean: its mean over the difference of the right and left scale.
    """

    shape: Values
    ratio: Values
    scale: Values
    mean: Values

    def nearest(self, ratio: Values) -> NDArray[np.intp]:
        """Returns the index of the shape with the nearest moment ratio; 0 for NaN, as MATLAB's ``min`` does."""
        above = np.clip(np.searchsorted(self.ratio, ratio), 1, len(self.ratio) - 1)
        index = np.where(ratio - self.ratio[above - 1] <= self.ratio[above] - ratio, above - 1, above)
        return np.where(np.isnan(ratio), 0, index)


@cache
def _shape_table() -> _ShapeTable:
    from scipy.special import gamma

    shape = np.arange(200, 10_001) / 1000
    first, second, third = (np.asarray(gamma(k / shape), dtype=np.float64) for k in (1, 2, 3))
    return _ShapeTable(shape, second**2 / (first * third), np.sqrt(first / third), second / first)
