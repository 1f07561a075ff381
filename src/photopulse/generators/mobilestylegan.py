"""MobileStyleGAN (Belousov, 2021): StyleGAN2 distilled into wavelets and depthwise convolutions.

The features are wavelet coefficients. Each block modulates its input, inverts one level of a Haar transform (a
quarter of the channels, twice the size) and applies two modulated, depthwise separable convolutions. The last
layer predicts the wavelet coefficients of the image itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.layers import drawn, pixel_norm, run_mapping
from photopulse.generators.mobilestylegan_twin import MobileStyleGANTwin
from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.twin import has_twin


@dataclass(frozen=True, kw_only=True)
class MobileStyleGANSettings:
    """The shape of a MobileStyleGAN generator.

    Attributes:
        z_dim: length of the input latent.
        w_dim: length of one style vector.
        num_mapping_layers: number of linear layers of the mapping network.
        channels: numbers of channels after the first convolution and after each block; all but the last divide by 4.
    """

    z_dim: int = 512
    w_dim: int = 512
    num_mapping_layers: int = 8
    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)

    def __post_init__(self) -> None:
        if not self.channels or any(count % 4 for count in self.channels[:-1]):
            raise ValueError(f"each block undoes a wavelet, so channels must divide by 4: {self.channels}")

    @property
    def resolution(self) -> int:
        """Height and width of the image in px: 4, doubled by each block and by the image layer."""
        return 4 * 2 ** len(self.channels)


def inverse_haar(coefficients: Tensor) -> Tensor:
    """Inverts one level of an orthonormal 2-D Haar transform.

    Takes (B, 4C, H, W) with the C low-pass channels first and then, for each of the C channels, its details
    along the rows, the columns and the diagonal; returns (B, C, 2H, 2W) in the channels-last memory format.
    """
    return _merge_subbands(coefficients * 0.5)


def _merge_subbands(coefficients: Tensor) -> Tensor:
    """Inverts a Haar transform whose coefficients are divided by two already; shapes as in ``inverse_haar``."""
    # The four subbands, channels last.
    batch, channels, height, width = coefficients.shape
    count = channels // 4
    values = coefficients.permute(0, 2, 3, 1)
    low = values[..., :count]
    rows, columns, diagonal = values[..., count:].reshape(batch, height, width, count, 3).unbind(4)

    # Sums and differences give the four pixels of each place.
    top, bottom = low + rows, low - rows
    top_step, bottom_step = columns + diagonal, columns - diagonal
    # With the channels last, each pixel is one piece of memory, and weaving pixels is cheap.
    top_pixels = torch.stack([top + top_step, top - top_step], dim=3)
    bottom_pixels = torch.stack([bottom + bottom_step, bottom - bottom_step], dim=3)
    image = torch.stack([top_pixels, bottom_pixels], dim=2).reshape(batch, 2 * height, 2 * width, count)
    return image.permute(0, 3, 1, 2)


class ModulatedSeparableConv(nn.Module):
    """Modulation, depthwise 3x3 and pointwise 1x1 convolution, noise, bias, LeakyReLU.

    In MobileStyleGAN demodulation does not depend on the style: it is folded into the pointwise weight.
    """

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, in_channels)
        self.depthwise = nn.Parameter(drawn(in_channels, 1, 3, 3, std=1 / 3))
        self.pointwise = nn.Parameter(drawn(out_channels, in_channels, 1, 1, std=in_channels**-0.5))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.noise_const: Tensor
        self.register_buffer("noise_const", torch.zeros(1, 1, resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x = x * self.affine(w)[:, :, None, None]
        x = F.conv2d(x, self.depthwise, padding=1, groups=x.shape[1])
        x = F.conv2d(x, self.pointwise, self.bias)
        # In place: at 512 px every further copy of the features costs as much as the convolution.
        x.add_((self.noise_const if noise is None else noise) * self.noise_strength)
        return F.leaky_relu_(x, 0.2)


class Block(nn.Module):
    """Modulation, inverse Haar transform, two separable convolutions: (B, C, H, W) -> (B, C', 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int) -> None:
        super().__init__()
        self.up = nn.Linear(w_dim, in_channels)
        self.conv1 = ModulatedSeparableConv(in_channels // 4, out_channels, w_dim, resolution)
        self.conv2 = ModulatedSeparableConv(out_channels, out_channels, w_dim, resolution)

    def forward(self, x: Tensor, w1: Tensor, w2: Tensor, noise1: Tensor | None, noise2: Tensor | None) -> Tensor:
        x = _merge_subbands(x * (0.5 * self.up(w1))[:, :, None, None])
        return self.conv2(self.conv1(x, w1, noise1), w2, noise2)


class InputLayer(nn.Module):
    """Learned constant, modulated 3x3 convolution, noise, bias, LeakyReLU: w (B, w_dim) -> (B, C, 4, 4)."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.const = nn.Parameter(drawn(1, channels, 4, 4))
        self.affine = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(drawn(channels, channels, 3, 3, std=(9 * channels) ** -0.5))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.noise_const: Tensor
        self.register_buffer("noise_const", torch.zeros(1, 1, 4, 4))

    def forward(self, w: Tensor, noise: Tensor | None) -> Tensor:
        x = self.const * self.affine(w)[:, :, None, None]
        # Everything that follows keeps this memory format, in which the convolutions are faster.
        x = F.conv2d(x.contiguous(memory_format=torch.channels_last), self.weight, self.bias, padding=1)
        x = x + (self.noise_const if noise is None else noise) * self.noise_strength
        return F.leaky_relu(x, 0.2)


class ImageLayer(nn.Module):
    """Modulated 1x1 convolution to the image's wavelet coefficients, inverted: (B, C, H, W) -> (B, 3, 2H, 2W)."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, channels)
        self.weight = nn.Parameter(drawn(12, channels, 1, 1, std=channels**-0.5))
        self.bias = nn.Parameter(torch.zeros(12))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return inverse_haar(F.conv2d(x * self.affine(w)[:, :, None, None], self.weight, self.bias))


class MobileStyleGAN(StyleGenerator):
    """A MobileStyleGAN generator, see ``photopulse.generators.protocol.Generator``.

    The first convolution takes one style, each block two (the modulation before its inverse Haar transform shares the
    first), and the image layer one.
    """

    def __init__(self, settings: MobileStyleGANSettings, *, name: str = "mobilestylegan") -> None:
        channels = settings.channels
        sizes = [4] + [4 * 2**i for i in range(1, len(channels)) for _ in range(2)]
        super().__init__(
            settings, name=name, num_ws=2 * len(channels), noise_shapes=[(1, size, size) for size in sizes]
        )
        self.settings = settings

        # Its layers, under the names of its weight files.
        widths = [settings.z_dim] + [settings.w_dim] * settings.num_mapping_layers
        self.mapping = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.w_avg: Tensor
        self.register_buffer("w_avg", torch.zeros(settings.w_dim))
        self.input = InputLayer(channels[0], settings.w_dim)
        self.blocks = nn.ModuleList(
            Block(channels[i], channels[i + 1], settings.w_dim, 8 * 2**i) for i in range(len(channels) - 1)
        )
        self.image = ImageLayer(channels[-1], settings.w_dim)

    def _map_to_w(self, z: Tensor, c: Tensor | None) -> Tensor:  # noqa: ARG002
        return run_mapping(pixel_norm(z), self.mapping, self.mapping_gain)

    def _mean_style(self) -> Tensor:
        return self.w_avg

    def _render(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        maps: Sequence[Tensor | None] = noise if noise is not None else [None] * len(self.noise_shapes)
        x = self.input(ws[:, 0], maps[0])
        for i, block in enumerate(self.blocks):
            x = block(x, ws[:, 2 * i + 1], ws[:, 2 * i + 2], maps[2 * i + 1], maps[2 * i + 2])
        return cast(Tensor, self.image(x, ws[:, -1]))

    def make_twin(self, size: int) -> MobileStyleGANTwin | None:
        """Makes the twin of ``size`` px, a power of two from 8 to half the resolution; None for another size."""
        return MobileStyleGANTwin(self, size) if has_twin(size, self.resolution) else None
