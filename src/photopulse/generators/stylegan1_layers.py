"""The layers of StyleGAN1; weights are stored unscaled, with PULSE's parameter names.

The constant of the equalized learning rate is gain / sqrt(fan in) (Progressive GAN, 4.1).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from photopulse.generators.layers import leaky_relu


class Dense(nn.Module):
    """A linear layer (B, fan_in) -> (B, fan_out); ``lr_mul`` scales weight and bias."""

    def __init__(self, fan_in: int, fan_out: int, *, gain: float, lr_mul: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(fan_out, fan_in))
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.weight_gain = gain / math.sqrt(fan_in) * lr_mul
        self.bias_gain = lr_mul

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


class Conv(nn.Module):
    """A convolution that keeps the size: (B, fan_in, H, W) -> (B, fan_out, H, W)."""

    def __init__(self, fan_in: int, fan_out: int, kernel: int, *, gain: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(fan_out, fan_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.weight_gain = gain / math.sqrt(fan_in * kernel**2)
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.weight_gain, self.bias, padding=self.padding)


class Blur(nn.Module):
    """The outer product of [1, 2, 1] / 4 with itself, depthwise."""

    def __init__(self) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.kernel: Tensor
        self.register_buffer("kernel", torch.outer(line, line)[None, None])

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, self.kernel.expand(channels, -1, -1, -1), padding=1, groups=channels)


class UpConv(nn.Module):
    """Enlarges, convolves, blurs and adds the bias: (B, fan_in, H, W) -> (B, fan_out, 2H, 2W).

    With ``fused``, one transposed convolution enlarges and convolves; it applies the stored kernel mirrored.
    """

    def __init__(self, fan_in: int, fan_out: int, *, fused: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(fan_out, fan_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(fan_out))
        self.intermediate = Blur()
        self.weight_gain = math.sqrt(2 / (fan_in * 9))
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.weight_gain
        x = _enlarging_conv(x, weight) if self.fused else F.conv2d(_double(x), weight, padding=1)
        return self.intermediate(x) + self.bias[:, None, None]


def _double(x: Tensor) -> Tensor:
    """Repeats each pixel of x (B, C, H, W) twice along both axes."""
    # F.interpolate gives the same values but adds their gradients in another order: searches would end elsewhere.
    return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def _enlarging_conv(x: Tensor, weight: Tensor) -> Tensor:
    """Doubles the size and convolves at once: the 3x3 kernel, box-filtered to 4x4, transposed, stride 2."""
    padded = F.pad(weight, (1, 1, 1, 1)).transpose(0, 1)  # (in, out, 5, 5)
    kernel = padded[..., 1:, 1:] + padded[..., :-1, 1:] + padded[..., 1:, :-1] + padded[..., :-1, :-1]
    return F.conv_transpose2d(x, kernel, stride=2, padding=1)


class NoiseGain(nn.Module):
    """Adds a noise map (B, 1, H, W) to all channels, with a learned strength for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, noise: Tensor | None) -> Tensor:
        return x if noise is None else x + self.weight[:, None, None] * noise


class StyleModulation(nn.Module):
    """Scales and shifts each channel of x (B, C, H, W) by numbers computed from the style w (B, w_dim)."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.lin = Dense(w_dim, 2 * channels, gain=1.0)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.lin(w)[:, :, None, None].chunk(2, dim=1)  # each (B, C, 1, 1)
        return x * (scale + 1) + shift


class Epilogue(nn.Module):
    """Noise, LeakyReLU and adaptive instance normalization (StyleGAN, equation 1), which follow every convolution."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.noise = NoiseGain(channels)
        self.style_mod = StyleModulation(channels, w_dim)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x = leaky_relu(self.noise(x, noise), gain=1.0)
        return self.style_mod(F.instance_norm(x, eps=1e-5), w)
