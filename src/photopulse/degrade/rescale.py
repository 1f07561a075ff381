"""The same degradation for a smaller rendering of the large picture, where a search looks at a cheap one."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruptions import Corruption
from photopulse.degrade.declared import Declared
from photopulse.degrade.downscale import Degradation, make_degradation
from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.kernels import CustomKernel
from photopulse.degrade.mosaic import Mosaic
from photopulse.degrade.spread import Blur

# Of a blur, px squared: what is spread less is not worth computing.
_NEGLIGIBLE_VARIANCE = 0.02


def with_factor(operator: Degradation, factor: int) -> Degradation:
    """Gives the operator that takes a rendering only ``factor`` times the small picture's size to that picture.

    The rendering's pixels count as means of the large picture's. A downscaler keeps its kind; with factor 1 it changes
    nothing. Blurs of the large picture shrink in proportion, so that their kernels' standard deviations do; those far
    below a pixel vanish, as does its JPEG; a mosaic's squares shrink to whole pixels. What happened to the small
    picture stays. A user's kernel is summed over the larger pixels, so with factor 1 it still blurs as far as it
    reaches beyond one of them. Ask the original for the ``expected_error``.

    Raises:
        ValueError: for a factor below 1 or above the operator's, or an operator that photopulse does not know.
    """
    if not 1 <= factor <= operator.factor:
        raise ValueError(f"factor must be from 1 to the operator's own, {operator.factor}, got {factor}")
    match operator:
        case _ if factor == operator.factor:
            return operator
        case Declared():
            ratio = factor / operator.factor
            before = tuple(part for part in (_shrunk(part, ratio) for part in operator.before) if part is not None)
            downscale = with_factor(operator.downscale, factor)
            return Declared(before, downscale, operator.after) if before or operator.after else downscale
        case CustomKernel():
            return replace(operator, kernel=_summed(operator.kernel, operator.factor, factor), factor=factor)
        case _:
            return make_degradation(operator.name, factor=factor)


def _shrunk(part: Corruption, ratio: float) -> Corruption | None:
    match part:
        case MotionBlur():
            return _shrunk_blur(lambda length: MotionBlur(length, part.angle), part.length, ratio, shortest=1)
        case Defocus():
            return _shrunk_blur(Defocus, part.radius, ratio, shortest=0.5)
        case GaussianBlur():
            return _shrunk_blur(GaussianBlur, part.std, ratio, shortest=0.1)
        case Mosaic():
            side = round(part.side * ratio)
            return Mosaic(side) if side > 1 else None
        case Jpeg():
            return None
        case _:
            return part


def _shrunk_blur(make: Callable[[float], Blur], length: float, ratio: float, *, shortest: float) -> Blur | None:
    """Finds the blur whose kernel has the variance in px of the rendering.

    Lengths in proportion would blur too much or too little where pixels are as coarse as the kernel.
    """
    wanted = _variance(make(length)) * ratio**2
    if wanted < max(_NEGLIGIBLE_VARIANCE, _variance(make(shortest))):
        return None

    def excess(shorter: float) -> float:
        return _variance(make(shorter)) - wanted

    # Half a second to import, for what is rarely declared.
    from scipy import optimize

    return make(cast(float, optimize.brentq(excess, shortest, length, xtol=1e-3)))


def _variance(blur: Blur) -> float:
    """The mean squared distance over which the blur spreads."""
    kernel = blur.kernel()
    height, width = kernel.shape
    down, right = np.mgrid[:height, :width]
    return float((kernel * ((down - height // 2) ** 2 + (right - width // 2) ** 2)).sum())


def _summed(kernel: Tensor, old: int, new: int) -> Tensor:
    down, across = (torch.as_tensor(_shares(taps, old, new)) for taps in kernel.shape)
    return (down @ kernel.double().cpu() @ across.T).to(kernel)


def _shares(taps: int, old: int, new: int) -> NDArray[np.float64]:
    """Which share of each tap falls into each larger pixel, (larger pixels, taps), around the block's middle."""
    width = new / old
    # CustomKernel lays its middle half a pixel above and left where it cannot meet the block's.
    middle = -0.5 if (old - taps) % 2 else 0.0
    left = (np.arange(taps) - taps / 2 + middle) * width
    pixels = int(np.ceil(2 * max(-left[0], left[-1] + width) - 1e-9))
    pixels += (pixels - new) % 2
    edges = np.arange(pixels + 1) - pixels / 2
    overlap = np.minimum(left + width, edges[1:, None]) - np.maximum(left, edges[:-1, None])
    return np.maximum(overlap, 0) / width
