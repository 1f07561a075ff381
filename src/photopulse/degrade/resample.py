"""Separable filtering and subsampling, and the checks that all operators share."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Filter:
    """A 1-D filter kernel, in units of output pixels.

    Attributes:
        weight: the kernel's values at given distances from its centre.
        support: distance beyond which it is 0.
        mirror: whether the image is mirrored at its edges; otherwise taps beyond them are left out.
    """

    weight: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    support: float
    mirror: bool


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution with a = -1/2."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def _box(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.abs(x) < 0.5).astype(np.float64)


def _tent(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _lanczos3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


CUBIC = Filter(_cubic, support=2, mirror=True)
BOX = Filter(_box, support=0.5, mirror=False)
TENT = Filter(_tent, support=1, mirror=False)
LANCZOS3 = Filter(_lanczos3, support=3, mirror=False)


def resample(image: Tensor, taps: Filter, factor: int) -> Tensor:
    """Downscales (B, 3, H, W) by ``factor`` with two matrix products, one per axis; the gradient is exact."""
    check_image(image, factor)
    # Sums over hundreds of taps in low precision have larger errors than the downscaling error that a search minimises.
    with torch.autocast(image.device.type, enabled=False):
        values = at_least_float32(image)
        down = _matrix(taps, image.shape[2], factor, values.dtype, image.device)
        across = _matrix(taps, image.shape[3], factor, values.dtype, image.device)
        return (down @ (values @ across.T)).to(image.dtype)


@lru_cache(maxsize=32)
def _matrix(taps: Filter, size: int, factor: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Builds the matrix (size / factor, size) that filters and subsamples one axis, edges included."""
    # The weights of all taps of each output pixel, which sum to 1.
    middles = (np.arange(size // factor) + 0.5) * factor - 0.5
    reach = math.ceil(taps.support * factor)
    pixels = np.floor(middles)[:, None].astype(np.int64) + np.arange(-reach, reach + 2)
    weights = taps.weight((pixels - middles[:, None]) / factor)
    if not taps.mirror:
        weights = np.where((pixels >= 0) & (pixels < size), weights, 0.0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    # Taps beyond the edges are added to the mirrored pixels.
    matrix = np.zeros((size // factor, size))
    np.add.at(matrix, (np.arange(size // factor)[:, None], mirror(pixels, size)), weights)
    # A cached tensor that was created in inference mode could not be used in a later backward pass.
    with torch.inference_mode(False):
        return torch.as_tensor(matrix).to(device=device, dtype=dtype)


def mirror(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Maps any index into 0 .. size - 1 by reflection at the edge pixels, as often as needed."""
    if size == 1:
        return np.zeros_like(index)
    folded = index % (2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)


def check_image(image: Tensor, factor: int) -> None:
    """Raises ValueError unless the image has four axes, is not empty, and ``factor`` divides its height and width."""
    if image.ndim != 4 or image.numel() == 0:
        raise ValueError(f"image must be (B, 3, H, W), got the shape {tuple(image.shape)}")
    height, width = image.shape[2:]
    if height % factor or width % factor:
        raise ValueError(f"an image of {height} x {width} pixels does not divide by {factor}")


def at_least_float32(image: Tensor) -> Tensor:
    """Converts the image to float32, unless it is float64."""
    return image if image.dtype == torch.float64 else image.float()
