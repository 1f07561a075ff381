"""What all StyleGANs do alike: styles, truncation, noise inputs and the range of the image."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from photopulse.generators.layers import (
    StyleSettings,
    check_noise,
    check_ws,
    leaky_relu,
    make_noise,
    truncate,
    undo_leaky_relu,
)
from photopulse.generators.twin import Twin


class StyleGenerator(nn.Module, ABC):
    """Implements ``photopulse.generators.protocol.Generator`` for a network that maps z to w and renders ws.

    A subclass builds the networks, under the parameter names of its weight files, and adds three methods:
    ``_map_to_w``, ``_mean_style`` and ``_render``.

    Args:
        settings: the sizes of the network.
        name: what reports and picture metadata call it.
        num_ws: number of style vectors that an image takes.
        noise_shapes: ``(1, H, W)`` of each noise input, in the order in which the layers take them.
    """

    c_dim: int = 0
    mapping_gain: float = math.sqrt(2)
    """Factor behind the LeakyReLU of the mapping network."""

    def __init__(
        self, settings: StyleSettings, *, name: str, num_ws: int, noise_shapes: Sequence[tuple[int, int, int]] = ()
    ) -> None:
        super().__init__()
        self.name = name
        self.z_dim = settings.z_dim
        self.w_dim = settings.w_dim
        self.num_ws = num_ws
        self.resolution = settings.resolution
        self.noise_shapes = tuple(noise_shapes)

    @abstractmethod
    def _map_to_w(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Maps z (B, z_dim) and labels c (B, c_dim), whose shapes are checked, to w (B, w_dim)."""

    @abstractmethod
    def _mean_style(self) -> Tensor | None:
        """Returns the mean (w_dim,) of w, which truncation needs; None if the weights hold none."""

    @abstractmethod
    def _render(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        """Renders ws (B, num_ws, w_dim), whose shape is checked, as RGB nominally in [-1, 1]."""

    @property
    def device(self) -> torch.device:
        """Where the weights live; inputs must live there too."""
        return next(self.parameters()).device

    def map(
        self, z: Tensor, c: Tensor | None = None, *, truncation_psi: float = 1.0, truncation_cutoff: int | None = None
    ) -> Tensor:
        """Maps z (B, z_dim) and labels c (B, c_dim) to ws (B, num_ws, w_dim); see ``Generator.map``.

        Raises:
            ValueError: a shape is wrong, labels are missing or not taken, or ``truncation_psi`` is not 1 and the
                weights hold no mean style.
        """
        # Check the shapes.
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ValueError(f"z must be (batch, {self.z_dim}), but is {tuple(z.shape)}")
        self._check_labels(c, len(z))

        # Map, repeat for each layer, truncate.
        ws = self._map_to_w(z, c)[:, None].expand(-1, self.num_ws, -1)
        if truncation_psi == 1:
            return ws
        w_avg = self._mean_style()
        if w_avg is None:
            raise ValueError(f"{self.name} stores no mean style w_avg, so truncation_psi must be 1")
        return truncate(ws, w_avg, truncation_psi, truncation_cutoff)

    @torch.no_grad()
    def store_mean_style(self, *, samples: int = 20_000, seed: int = 0) -> None:
        """Computes the mean of W from mapped latents and stores it for truncation, where the weights hold a mean.

        For a generator without classes whose mapping has been trained.
        """
        mean = self._mean_style()
        if mean is not None:
            z = torch.randn(samples, self.z_dim, generator=torch.Generator().manual_seed(seed))
            mean.copy_(self._map_to_w(z.to(self.device), None).mean(dim=0))

    def map_to_gaussian(self, ws: Tensor) -> Tensor:
        """Undoes the last LeakyReLU of the mapping, elementwise (PULSE, 3.3)."""
        return undo_leaky_relu(ws, self.mapping_gain)

    def map_from_gaussian(self, values: Tensor) -> Tensor:
        """Applies the last LeakyReLU of the mapping, elementwise."""
        return leaky_relu(values, self.mapping_gain)

    def make_noise(self, batch: int, generator: torch.Generator) -> list[Tensor]:
        """Draws standard normal noise inputs, each (batch, 1, H, W), from a CPU random generator."""
        return make_noise(self.noise_shapes, batch, generator, self.device)

    def synthesize(self, ws: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Renders ws (B, num_ws, w_dim) as RGB (B, 3, resolution, resolution), nominally [0, 1], not clamped.

        ``noise`` holds one map (B, 1, H, W) for each of ``noise_shapes``; None takes the stored maps.

        Raises:
            ValueError: ``ws`` or ``noise`` has other shapes.
        """
        check_ws(ws, self.num_ws, self.w_dim)
        if noise is not None:
            check_noise(noise, self.noise_shapes, len(ws))
        return self._render(ws, noise) * 0.5 + 0.5

    def make_twin(self, size: int) -> Twin | None:  # noqa: ARG002
        """Makes the twin of ``size`` px; None where the architecture has none."""
        return None

    def _check_labels(self, c: Tensor | None, batch: int) -> None:
        """Raises ValueError unless c is (batch, c_dim), or missing where there are no classes."""
        expected = f"labels c of shape {(batch, self.c_dim)}, e.g. one-hot rows"
        if c is None:
            if self.c_dim:
                raise ValueError(f"this generator is conditional: give {expected}")
        elif not self.c_dim and c.numel():
            raise ValueError(f"{self.name} has no classes and takes no labels, but c is {tuple(c.shape)}")
        elif self.c_dim and tuple(c.shape) != (batch, self.c_dim):
            raise ValueError(f"this generator takes {expected}, but c is {tuple(c.shape)}")
