"""The seam between face generators and everything that uses them."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from photopulse.generators.twin import Twin


class Generator(Protocol):
    """A style-based generator: latent z -> styles ws -> image, with optional noise inputs.

    Attributes:
        name: what reports and picture metadata call it, e.g. ``"mobilestylegan-ffhq-1024"``.
        z_dim: length of the input latent z.
        c_dim: length of the class label; 0 when the generator is unconditional.
        w_dim: length of one style vector.
        num_ws: number of style vectors that ``synthesize`` takes (one a layer).
        resolution: height and width of the image in pixels.
        noise_shapes: ``(1, H, W)`` of each noise input in the order of ``synthesize``; empty if it has none.
    """

    name: str
    z_dim: int
    c_dim: int
    w_dim: int
    num_ws: int
    resolution: int
    noise_shapes: tuple[tuple[int, int, int], ...]

    @property
    def device(self) -> torch.device:
        """Where the weights live; inputs must live there too."""
        ...

    def map(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Maps z (B, z_dim) and labels c (B, c_dim) to ws (B, num_ws, w_dim).

        ``truncation_psi`` below 1 pulls the first ``truncation_cutoff`` styles (all when None) towards the
        mean style.
        """
        ...

    def map_to_gaussian(self, ws: Tensor) -> Tensor:
        """Undoes the last activation of the mapping, after which W is close to a Gaussian (PULSE, 3.3).

        Elementwise, any shape; the inverse of ``map_from_gaussian``.
        """
        ...

    def map_from_gaussian(self, values: Tensor) -> Tensor:
        """Applies the last activation of the mapping; the inverse of ``map_to_gaussian``."""
        ...

    def make_noise(self, batch: int, generator: torch.Generator) -> list[Tensor]:
        """Draws standard normal noise inputs, each (batch, 1, H, W), from a CPU random generator."""
        ...

    def synthesize(self, ws: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Renders ws (B, num_ws, w_dim) as an RGB image (B, 3, resolution, resolution).

        Nominally in [0, 1], not clamped, differentiable in ``ws`` and ``noise``. Without ``noise`` the noise
        that is stored with the weights is used.
        """
        ...

    def make_twin(self, size: int) -> Twin | None:
        """Makes the cheap stand-in that renders pictures of ``size`` px; None where there is none of that size."""
        ...
