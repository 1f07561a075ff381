"""The last step to the input: a smooth surface, no stronger than it must be."""

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
    """Returns how strong a surface may be for inputs of ``side`` px: root mean square on their grid, [0, 1].

    Judged by eye. The finer the grid, the more the surface looks like detail and the less like haze.
    """
    return _VISIBLE * (side / 16) ** 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Surfaced:
    """Pictures with a surface added.

    Attributes:
        image: (B, 3, H, W) in [0, 1].
        strength: root mean square of what was added, (B,).
    """

    image: Tensor
    strength: Tensor


def close_gap(image: Tensor, target: Tensor, degradation: Degradation, *, eps: float) -> Surfaced:
    """Adds the part of the exact correction that brings each picture's error to ``eps``.

    A picture within ``eps`` stays as it is. A surface that would be seen (``strongest_unseen``) is not added wholly,
    and the picture stays farther from the target than ``eps``.

    Args:
        image: (B, 3, H, W), nominally in [0, 1]; clamped first.
        target: (B, 3, h, w) in [0, 1].
        degradation: between them; linear.
        eps: mean squared error wanted.

    Raises:
        ValueError: if the degradation is not linear.
    """
    image = image.clamp(0, 1)
    error = mean_squared_error(degradation(image), target)
    gap = error.sqrt()
    wanted = torch.where(error <= eps, 0.0, gap - (_MARGIN * eps) ** 0.5)
    if not wanted.any():
        return Surfaced(image=image, strength=wanted)
    full = project_exactly(image, target, degradation) - image
    # As bicubic shows it: through a declared blur, what is a gap there would be far more here.
    seen = _strength(Bicubic(degradation.factor)(full))
    share = torch.minimum(wanted / gap.clamp(min=1e-12), strongest_unseen(target.shape[-1]) / seen.clamp(min=1e-12))
    surface = share.view(-1, 1, 1, 1) * full
    return Surfaced(image=(image + surface).clamp(0, 1), strength=_strength(surface))


def _strength(surface: Tensor) -> Tensor:
    return surface.square().mean((1, 2, 3)).sqrt()
