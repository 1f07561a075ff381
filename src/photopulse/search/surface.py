"""Removes the remaining error of a search by a smooth correction, the weakest that reaches ``eps``."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from photopulse.degrade import Bicubic, Degradation
from photopulse.search.exact import project_exactly
from photopulse.search.losses import mean_squared_error

_VISIBLE: Final = 7 / 255  # At 16 px: above it, haze beside the hair.
_MARGIN: Final = 0.96  # Of eps: leaves room for the rounding to 8 bits.


def strongest_unseen(side: int) -> float:
    """Returns the strongest correction that is not seen, for inputs of ``side`` px: its root mean square, in [0, 1].

    The value was judged by eye. On a finer grid the correction looks more like detail and less like haze.
    """
    return _VISIBLE * (side / 16) ** 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Surfaced:
    """Corrected images.

    Attributes:
        image: images (B, 3, H, W) in [0, 1].
        strength: root mean square of the correction (B,).
    """

    image: Tensor
    strength: Tensor


def close_gap(image: Tensor, target: Tensor, degradation: Degradation, *, eps: float) -> Surfaced:
    """Adds the share of the exact correction (``project_exactly``) that brings each image's error to ``eps``.

    Images within ``eps`` stay as they are. The correction is limited to ``strongest_unseen``; where that is not
    enough, the error stays above ``eps``.

    Args:
        image: images (B, 3, H, W), nominally in [0, 1], which are clamped first.
        target: their targets (B, 3, h, w) in [0, 1].
        degradation: linear degradation from images to targets.
        eps: mean squared error to reach.

    Raises:
        ValueError: if the degradation is not linear.
    """
    # The share of the error that has to go.
    image = image.clamp(0, 1)
    error = mean_squared_error(degradation(image), target)
    gap = error.sqrt()
    wanted = torch.where(error <= eps, 0.0, gap - (_MARGIN * eps) ** 0.5)
    if not wanted.any():
        return Surfaced(image=image, strength=wanted)

    # The same share of the exact correction, within the limit.
    full = project_exactly(image, target, degradation) - image
    # As bicubic shows it: through a declared blur, what is a gap there would be far more here.
    seen = _strength(Bicubic(degradation.factor)(full))
    share = torch.minimum(wanted / gap.clamp(min=1e-12), strongest_unseen(target.shape[-1]) / seen.clamp(min=1e-12))
    surface = share.view(-1, 1, 1, 1) * full
    return Surfaced(image=(image + surface).clamp(0, 1), strength=_strength(surface))


def _strength(surface: Tensor) -> Tensor:
    return surface.square().mean((1, 2, 3)).sqrt()
