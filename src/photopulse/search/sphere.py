"""The sphere on which a search stays, near which samples of a high-dimensional Gaussian lie (PULSE, section 3.2)."""

import torch
from torch import Tensor

_TINY = 1e-9


def radii(values: Tensor) -> Tensor:
    """Computes the Euclidean norm over all axes after the second, which are kept with size 1.

    A latent (B, num_ws, w_dim) has one radius per layer, a noise map (B, 1, H, W) one per image.
    """
    axes = tuple(range(2, values.ndim))
    return (values.square().sum(axes, keepdim=True) + _TINY).sqrt()


@torch.no_grad()
def project_onto_sphere_(values: Tensor, radius: Tensor) -> None:
    """Scales ``values`` in place to the norm ``radius``, which ``radii`` computed before."""
    values.mul_(radius / radii(values))
