"""Corrects an image so that it downscales almost exactly to its target, by a correction too smooth to be seen.

The downscaling D must be linear. The corrected image is ``x' = clamp(x + S c)``, with a small field ``c`` and its
enlargement S by cubic splines, and c solves ``D clamp(x + S c) = target``. For bicubic downscaling the correction is as
large as the minimum-norm one, ``D^T (D D^T)^-1 (target - D x)``, within a per cent, and it shows neither the blocks of
``box`` nor the dots of ``nearest``. What no smooth correction can reach is corrected by the transpose of D.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor

from photopulse.degrade import Degradation

EXACT_TOLERANCE: Final = 1e-7
"""Mean squared error that leaves room for rounding to 8 bits below the 1e-6 that the documentation promises."""

_MEMORY: Final = 6
_PATIENCE: Final = 8

# From a field (1, 3, h, w), float64 on the CPU, to a correction (1, 3, H, W) like the picture.
_Enlarge = Callable[[Tensor], Tensor]


def project_exactly(
    image: Tensor,
    target: Tensor,
    degradation: Degradation,
    *,
    tolerance: float = EXACT_TOLERANCE,
    max_iterations: int = 30,
) -> Tensor:
    """Corrects each image so that it downscales to its target.

    Every item is solved by itself until its mean squared error is at most ``tolerance``; after a search that reached
    1e-3 this takes about four downscalings. If no image in [0, 1] downscales to the target, the best one found is
    returned, so measure the result (``metrics.downscale_mse``). Blur that is wider than a pixel of the target is
    inverted as far as the tolerance requires, which amplifies the noise of the target.

    Args:
        image: images (B, 3, H, W), nominally in [0, 1], which are clamped first, as in a saved file.
        target: targets (B, 3, H / factor, W / factor) in [0, 1], on the same device.
        degradation: linear degradation, whose factor divides H and W.
        tolerance: mean squared error of the downscaled picture, on the scale where white is 1.
        max_iterations: largest number of downscalings of an image, for the smooth correction and again for the rest.

    Returns:
        (B, 3, H, W) in [0, 1], float32 (float64 for float64 images), without gradients.

    Raises:
        ValueError: if the degradation is not linear (JPEG) or the shapes do not fit.
    """
    _check_shapes(image, target, degradation)
    _check_linear(degradation)
    exact = torch.promote_types(image.dtype, torch.float32)
    # In low precision the corrections would end at 1e-5.
    with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
        starts, targets = image.to(exact).clamp(0, 1), target.cpu().double()
        items = (
            _Item(start=starts[i : i + 1], target=targets[i : i + 1], degradation=degradation)
            for i in range(len(starts))
        )
        pictures = [_project_one(item, tolerance=tolerance, max_iterations=max_iterations) for item in items]
        return torch.cat(pictures)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Item:
    """One picture (1, 3, H, W) in [0, 1] and what it shall downscale to, (1, 3, h, w), float64 on the CPU."""

    start: Tensor
    target: Tensor
    degradation: Degradation

    def residual(self, picture: Tensor) -> Tensor:
        """What is missing to the target, (1, 3, h, w), float64 on the CPU: not every device has that."""
        return self.target - self.degradation(picture).cpu().double()


def _project_one(item: _Item, *, tolerance: float, max_iterations: int) -> Tensor:
    picture, error = _correct(item, _spline_enlargement(item), tolerance=tolerance, max_iterations=max_iterations)
    if error <= tolerance:
        return picture
    rest = replace(item, start=picture)
    picture, _ = _correct(rest, _scaled_transpose(rest), tolerance=tolerance, max_iterations=max_iterations)
    return picture


def _correct(item: _Item, enlarge: _Enlarge, *, tolerance: float, max_iterations: int) -> tuple[Tensor, float]:
    """Solves ``degradation(clamp(start + enlarge(c))) = target`` for c; returns the best picture and its error."""
    field = torch.zeros_like(item.target)
    mixing = _AndersonMixing()
    best, errors = item.start, list[float]()
    # Each iteration corrects, measures, and extrapolates from the iterations before.
    for _ in range(max_iterations):
        picture = (item.start + enlarge(field)).clamp_(0, 1)
        residual = item.residual(picture)
        errors.append(residual.square().mean().item())
        if errors[-1] <= min(errors):
            best = picture
        stalled = len(errors) > _PATIENCE and min(errors) > min(errors[:-_PATIENCE]) / 2
        if min(errors) <= tolerance or stalled:
            break
        field = mixing.next(field, residual)
    return best, min(errors)


class _AndersonMixing:
    """Anderson's acceleration of ``field + residual`` (1965; type II of Fang and Saad 2009, equation 24).

    Without clamped pixels it is GMRES on ``D S`` (Walker and Ni 2011), which asks for no transpose.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[Tensor, Tensor]] = deque(maxlen=_MEMORY)

    def next(self, field: Tensor, residual: Tensor) -> Tensor:
        """Returns the field (1, 3, h, w) to try after ``field``, which left ``residual``."""
        step = field + residual
        if self._past:
            residuals = torch.stack([(residual - past).flatten() for _, past in self._past])
            steps = torch.stack([(step - past_field - past).flatten() for past_field, past in self._past])
            gram = residuals @ residuals.T
            # Keeps the system solvable when steps of the past were alike or, all pixels clamped, changed nothing.
            gram.diagonal().add_(1e-10 * gram.diagonal().mean() + 1e-20)
            weights = cast(Tensor, torch.linalg.solve(gram, residuals @ residual.flatten()))
            step = step - (weights @ steps).view_as(step)
        self._past.append((field, residual))
        return step


def _spline_enlargement(item: _Item) -> _Enlarge:
    down, across = (
        _spline_matrix(small, large).to(item.start.dtype).to(item.start.device)
        for small, large in zip(item.target.shape[2:], item.start.shape[2:], strict=True)
    )
    return lambda field: down @ (field.to(down.dtype).to(down.device) @ across.T)


@lru_cache(maxsize=16)
def _spline_matrix(small: int, large: int) -> Tensor:
    """The matrix (large, small) of the cubic spline through the middles of the blocks, level beyond the outer ones."""
    from scipy.interpolate import CubicSpline  # Takes a third of a second, and few ways come here.

    if small == 1:
        return torch.ones(large, 1)
    middles = (np.arange(small) + 0.5) * (large / small) - 0.5
    pixels = np.arange(large).clip(middles[0], middles[-1])
    return torch.from_numpy(CubicSpline(middles, np.eye(small), bc_type="clamped")(pixels))


def _scaled_transpose(item: _Item) -> _Enlarge:
    """The transpose of the operator at the start by autograd, times the steepest descent's step from there."""

    def transpose(field: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            probe = item.start.clone().requires_grad_()
            small = item.degradation(probe)
            return torch.autograd.grad(small, probe, field.to(small.dtype).to(small.device))[0]

    residual = item.residual(item.start)
    gain = (transpose(residual).square().sum() / residual.square().sum()).item()
    return lambda field: transpose(field / gain)


def _check_shapes(image: Tensor, target: Tensor, degradation: Degradation) -> None:
    factor = degradation.factor
    expected = (*image.shape[:2], *(side // factor for side in image.shape[2:]))
    if image.ndim != 4 or tuple(target.shape) != expected:
        raise ValueError(f"{tuple(image.shape)} does not downscale by {factor} to {tuple(target.shape)}")


def _check_linear(degradation: Degradation) -> None:
    if not degradation.is_linear:
        raise ValueError(f"only a linear degradation can be met exactly, and {degradation.name!r} is not linear")
