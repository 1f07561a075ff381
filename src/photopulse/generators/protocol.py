"""The interface that every generator implements, and the only one that other code uses."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from photopulse.generators.twin import Twin


class Generator(Protocol):
    """A style-based generator: maps a latent z to styles ws, and renders these, with noise inputs, as an image.

    Classes implement it without inheriting from it; ``StyleGenerator`` holds what the StyleGANs share.

    Attributes:
        name: name in reports and in the metadata of images, e.g. ``"mobilestylegan-ffhq-1024"``.
        z_dim: length of the input latent z.
        c_dim: length of the class label; 0 when the generator is unconditional.
        w_dim: length of one style vector.
        num_ws: number of style vectors that ``synthesize`` takes, one for each layer.
        resolution: height and width of the image in pixels.
        noise_shapes: ``(1, H, W)`` of each noise input, in the order in which ``synthesize`` takes them; may be empty.
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
        """Device of the weights, on which all inputs must be."""
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
        """Undoes the last activation of the mapping network, elementwise; any shape.

        The distribution of the result is close to a Gaussian (PULSE, 3.3).
        """
        ...

    def map_from_gaussian(self, values: Tensor) -> Tensor:
        """Applies the last activation of the mapping network; the inverse of ``map_to_gaussian``."""
        ...

    def make_noise(self, batch: int, generator: torch.Generator) -> list[Tensor]:
        """Draws standard normal noise inputs, each (batch, 1, H, W), from a CPU random generator."""
        ...

    def synthesize(self, ws: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Renders ws (B, num_ws, w_dim) as an RGB image (B, 3, resolution, resolution).

        Nominally in [0, 1], not clamped, differentiable in ``ws`` and ``noise``. Without ``noise``, the noise
        that is stored with the weights is used.
        """
        ...

    def make_twin(self, size: int) -> Twin | None:
        """Makes the approximate generator of images downscaled to ``size`` px; None if there is none of that size."""
        ...
