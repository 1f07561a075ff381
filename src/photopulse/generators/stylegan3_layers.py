"""The layers of StyleGAN3 (Karras et al. 2021) and their filters."""

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators import layers
from photopulse.generators.layers import FullyConnected, activate_, demodulation, drawn, modulate


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Sampling of the features between two layers; frequencies are in cycles per image.

    Attributes:
        size: height and width in pixels, with the margin.
        sampling_rate: pixels per image without the margin.
        cutoff: highest frequency that the layer's low-pass filter lets pass.
        half_width: distance from the cutoff to the start of the stopband.
        channels: number of feature maps.
    """

    size: int
    sampling_rate: int
    cutoff: float
    half_width: float
    channels: int


class SynthesisInput(nn.Module):
    """Fourier features below a cutoff frequency, rotated and translated by w (StyleGAN3, 3.2 and appendix F)."""

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, w_dim: int, out: Signal) -> None:
        super().__init__()
        self.out = out
        # Uniform in the disc of the frequencies that pass.
        radius = out.cutoff * torch.rand(out.channels).sqrt()
        angle = 2 * math.pi * torch.rand(out.channels)
        self.weight = nn.Parameter(drawn(out.channels, out.channels))
        self.affine = FullyConnected(w_dim, 4)
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        self.register_buffer("phases", torch.rand(out.channels) - 0.5)
        nn.init.zeros_(self.affine.weight)
        self.affine.bias.data[0] = 1.0

    def forward(self, w: Tensor) -> Tensor:
        """Maps w (B, w_dim) to features (B, channels, size, size); the buffer ``transform`` moves the whole image.

        ``transform`` is the inverse (3, 3) of the image's affine transform, as in the official code.
        """
        # Rotation and translation of the frequencies and phases.
        values = self.affine(w)
        cos, sin, *shift = (values / values[:, :2].norm(dim=1, keepdim=True)).unbind(dim=1)
        rotation = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
        offset = rotation @ (self.transform[:2, 2] - torch.stack(shift, dim=1))[:, :, None]  # (B, 2, 1)
        freqs = self.freqs @ rotation @ self.transform[:2, :2]  # (B, channels, 2)
        phases = self.phases + (self.freqs @ offset).squeeze(2)  # (B, channels)

        # Sine waves at all pixels, mixed.
        position = torch.arange(self.out.size, device=w.device) + (0.5 - self.out.size / 2)
        along = position[:, None, None] / self.out.sampling_rate * freqs[:, None]  # (B, size, channels, 2)
        turns = along[:, None, :, :, 0] + along[:, :, None, :, 1] + phases[:, None, None]
        x = torch.sin(2 * math.pi * turns) * self._amplitudes(freqs)[:, None, None]
        return F.linear(x, self.weight / math.sqrt(len(self.weight))).permute(0, 3, 1, 2)

    def _amplitudes(self, freqs: Tensor) -> Tensor:
        """Fades out frequencies that a magnifying transform has pushed beyond the cutoff."""
        excess = freqs.square().sum(dim=2).sqrt() - self.out.cutoff
        return (1 - excess / (self.out.sampling_rate / 2 - self.out.cutoff)).clamp(0, 1)


class SynthesisLayer(nn.Module):
    """A modulated convolution and an alias-free, because oversampled, LeakyReLU (StyleGAN3, figure 4b)."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(
        self,
        before: Signal,
        after: Signal,
        *,
        w_dim: int,
        conv_kernel: int,
        filter_size: int,
        oversampling: int,
        radial: bool,
        clamp: float | None,
    ) -> None:
        """``before`` and ``after`` are the sampling of input and output; the rest is as in ``StyleGAN3Settings``."""
        super().__init__()
        # Factors between the sampling rates.
        self.clamp = clamp
        rate = max(before.sampling_rate, after.sampling_rate) * oversampling
        self.up = rate // before.sampling_rate
        self.down = rate // after.sampling_rate
        up_taps = filter_size * self.up if self.up > 1 else 1
        down_taps = filter_size * self.down if self.down > 1 else 1

        # Parameters and filters, under their official names.
        self.affine = FullyConnected(w_dim, before.channels, bias_init=1.0)
        self.weight = nn.Parameter(drawn(after.channels, before.channels, conv_kernel, conv_kernel))
        self.bias = nn.Parameter(torch.zeros(after.channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        self.register_buffer("up_filter", low_pass(up_taps, before, rate))
        self.register_buffer("down_filter", low_pass(down_taps, after, rate, radial=radial))
        # Pixels that the oversampled image needs beyond what the full convolution gives it.
        total = (after.size - 1) * self.down - (before.size + conv_kernel - 1) * self.up
        total += up_taps + down_taps - 1
        low = (total + self.up) // 2
        self.padding = (low, total - low)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps x (B, in, H, W) and w (B, w_dim) to (B, out, H', W')."""
        styles = self.affine(w)
        x = F.conv2d(modulate(x, styles), self.weight, padding=self.weight.shape[-1] - 1)
        # LeakyReLU lets a positive gain pass, so its gain is applied where it costs nothing.
        gain = math.sqrt(2)
        scale = demodulation(self.weight, styles) * (self.magnitude_ema.rsqrt() * gain)
        x = torch.addcmul(self.bias[:, None, None] * gain, x, scale[:, :, None, None])

        # Oversample, LeakyReLU, back to the sampling rate of the output.
        if self.up_filter is None:
            x = F.pad(x, self.padding * 2)
        else:
            x = layers.upsample_fir(x, self.up_filter, self.up, self.padding)
        x = activate_(x, self.clamp)
        return x if self.down_filter is None else layers.downsample_fir(x, self.down_filter, self.down)


class ToRGB(layers.ToRGB):
    """A modulated 1x1 convolution to RGB, without demodulation; its input is brought to unit magnitude."""

    magnitude_ema: Tensor

    def __init__(self, before: Signal, *, w_dim: int, clamp: float | None) -> None:
        super().__init__(before.channels, w_dim=w_dim, clamp=clamp)
        self.register_buffer("magnitude_ema", torch.ones([]))

    def style_gain(self) -> Tensor:
        return self.weight_gain * self.magnitude_ema.rsqrt()


def low_pass(taps: int, signal: Signal, rate: int, *, radial: bool = False) -> Tensor | None:
    """Designs a Kaiser-windowed low-pass filter that lets ``signal`` pass at a higher sampling rate.

    StyleGAN3, 3.2 and appendix C.

    Args:
        taps: filter length, even for a radial filter; a filter of one tap would do nothing and gives None.
        signal: with the cutoff and half the width of the transition band.
        rate: sampling rate of the filter.
        radial: whether to return the radially symmetric filter (taps, taps), whose ideal response is a jinc,
            instead of the separable one (taps,).
    """
    if taps == 1:
        return None
    # Imported late, for they take a third of a second and most generators do without them, and without types,
    # for scipy has none.
    filters: Any = import_module("scipy.signal")
    special: Any = import_module("scipy.special")

    width = signal.half_width * 2
    if not radial:
        return torch.as_tensor(filters.firwin(taps, signal.cutoff, width=width, fs=rate), dtype=torch.float32)

    # The radially symmetric filter: an ideal response times a window.
    x = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(x[:, None], x[None, :])
    jinc = special.j1(2 * np.pi * signal.cutoff * radius) / (np.pi * radius)
    window = np.kaiser(taps, filters.kaiser_beta(filters.kaiser_atten(taps, width / (rate / 2))))
    kernel = jinc * np.outer(window, window)
    return torch.as_tensor(kernel / kernel.sum(), dtype=torch.float32)
