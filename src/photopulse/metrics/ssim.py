"""Structural similarity, SSIM (Wang, Bovik, Sheikh, Simoncelli 2004): 1 for equal images, near 0 for unrelated ones."""

import math

import torch
from torch import Tensor

from photopulse.metrics.luma import byte_luma, check_pair

_WINDOW = 11
_SIGMA = 1.5
_BELL = [math.exp(-((k - _WINDOW // 2) ** 2) / (2 * _SIGMA**2)) for k in range(_WINDOW)]
_WEIGHTS = [weight / sum(_BELL) for weight in _BELL]
_C1, _C2 = 0.01**2, 0.03**2


def ssim(image: Tensor, reference: Tensor, *, channels: bool = False) -> Tensor:
    """Computes the mean structural similarity (SSIM) with the authors' settings.

    The window is a Gaussian of 11 x 11 pixels with sigma 1.5, at every position where it fits; K1 = 0.01, K2 = 0.03.
    Both images are clamped to [0, 1] first. Luma is in whole grey levels, as MATLAB has it for 8-bit files (for
    bicubic enlargement of FSRNet's 50 Helen faces, unrounded luma would give 0.660; this gives 0.659).

    Args:
        image: (B, 3, H, W), nominally [0, 1], at least 11 x 11.
        reference: the same shape.
        channels: whether to average over red, green and blue (range 1); otherwise BT.601 luma is compared (16 to 235,
            range 255).

    Returns:
        (B,), float32 (float64 for float64 images), at most 1.

    Raises:
        ValueError: if the shapes differ, are not (B, 3, H, W) or are too small, or if a NaN is in a luma image.
    """
    check_pair(image, reference)
    if min(image.shape[2:]) < _WINDOW:
        raise ValueError(f"SSIM needs at least {_WINDOW} x {_WINDOW} pixels, got {tuple(image.shape[2:])}")
    # Local means, variances and the covariance.
    x, y = _planes(image, channels=channels), _planes(reference, channels=channels)
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (_window_means(p) for p in (x, y, x * x, y * y, x * y))
    variance_x, variance_y = mean_xx - mean_x.square(), mean_yy - mean_y.square()
    covariance = mean_xy - mean_x * mean_y
    # The index at each position (equation 13 of the paper), then its mean.
    brightness = (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return (brightness * structure).mean(dim=(1, 2, 3))


def _planes(image: Tensor, *, channels: bool) -> Tensor:
    """Returns the planes to compare, (B, 3 or 1, H, W), on the scale where the data range is 1."""
    exact = torch.promote_types(image.dtype, torch.float32)
    return image.to(exact).clamp(0, 1) if channels else byte_luma(image).to(exact) / 255


def _window_means(planes: Tensor) -> Tensor:
    """Computes Gaussian means over every whole window: (..., H, W) to (..., H - 10, W - 10)."""
    # Sums of shifted planes are several times faster here than a convolution of single planes.
    for axis in (-2, -1):
        length = planes.shape[axis] - _WINDOW + 1
        means = torch.zeros_like(planes.narrow(axis, 0, length))
        for start, weight in enumerate(_WEIGHTS):
            means = torch.add(means, planes.narrow(axis, start, length), alpha=weight)
        planes = means
    return planes
