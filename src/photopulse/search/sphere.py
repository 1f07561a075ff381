"""The sphere on which the search stays: high-dimensional Gaussians live there (PULSE, section 3.2)."""

import torch
from torch import Tensor

_TINY = 1e-9


def radii(values: Tensor) -> Tensor:
    """Returns the Euclidean norm over all dimensions after the second, which are kept with size 1.

    A latent (B, num_ws, w_dim) has one radius a layer, a noise map (B, 1, H, W) one an image.
    """
    axes = tuple(range(2, values.ndim))
    return (values.square().sum(axes, keepdim=True) + _TINY).sqrt()


@torch.no_grad()
def project_onto_sphere_(values: Tensor, radius: Tensor) -> None:
    """Scales ``values`` in place so that ``radii(values)`` is ``radius`` again."""
    values.mul_(radius / radii(values))
