"""The layers of StyleGAN2 (Karras et al. 2020)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.layers import (
    FullyConnected,
    activate_,
    demodulation,
    downsample_fir,
    drawn,
    modulate,
    upsample_fir,
)


class SynthesisConv(nn.Module):
    """A modulated and demodulated 3x3 convolution, noise, bias and LeakyReLU (StyleGAN2, figure 2)."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        *,
        out_channels: int,
        w_dim: int,
        noise_size: int | None,
        kernel: Tensor,
        clamp: float | None,
        up: bool = False,
        gain: float = 1.0,
    ) -> None:
        """``noise_size`` is the side of the stored noise map in px; None makes a layer without noise.

        ``up`` makes a layer that doubles the size; ``gain`` is a factor on the output.
        """
        super().__init__()
        self.up = up
        self.gain = gain * math.sqrt(2)
        self.clamp = None if clamp is None else clamp * gain
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.register_buffer("resample_filter", kernel.clone())
        self.weight = nn.Parameter(drawn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.takes_noise = noise_size is not None
        if noise_size is not None:
            self.register_buffer("noise_const", drawn(noise_size, noise_size))
            self.noise_strength = nn.Parameter(torch.zeros([]))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """Maps x (B, in, H, W) and w (B, w_dim) to (B, out, H', W'); noise None takes the stored map."""
        styles = self.affine(w)
        x = modulate(x, styles)
        if self.up:
            x = F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            # The 3x3 convolution has already widened the image by one pixel.
            x = downsample_fir(x, self.resample_filter, padding=len(self.resample_filter) // 2 - 1)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        # LeakyReLU lets a positive gain pass, so the gain is applied where it costs nothing; so is the factor
        # that makes up for the zeros between the pixels.
        scale = demodulation(self.weight, styles)[:, :, None, None] * (self.gain * (4 if self.up else 1))
        x = torch.addcmul(self.bias[:, None, None] * self.gain, x, scale)
        if self.takes_noise:
            x = x + (self.noise_const if noise is None else noise) * (self.noise_strength * self.gain)
        return activate_(x, self.clamp)


class SkipConv(nn.Module):
    """The upsampling 1x1 convolution around a residual block."""

    resample_filter: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: Tensor) -> None:
        super().__init__()
        self.register_buffer("resample_filter", kernel.clone())
        self.weight = nn.Parameter(drawn(out_channels, in_channels, 1, 1))
        self.gain = math.sqrt(0.5 / in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (B, in, H, W) to (B, out, 2H, 2W)."""
        return enlarge(F.conv2d(x, self.weight * self.gain), self.resample_filter)


def resample_kernel(taps: Sequence[float]) -> Tensor:
    """The normalised upsampling filter as official files store it: (K, K), from 8 taps on (K,)."""
    kernel = torch.tensor(taps, dtype=torch.float32)
    kernel = kernel / kernel.sum()
    return kernel if len(taps) >= 8 else torch.outer(kernel, kernel)


def enlarge(x: Tensor, kernel: Tensor) -> Tensor:
    """Doubles the size of x (B, C, H, W) with the filter of ``resample_kernel``."""
    taps = len(kernel)
    return upsample_fir(x, kernel, 2, (taps // 2, taps // 2 - 1))
