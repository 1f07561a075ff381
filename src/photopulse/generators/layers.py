"""Layers and operations that several StyleGANs share."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2


def leaky_relu(x: Tensor, gain: float = math.sqrt(2)) -> Tensor:
    """Applies LeakyReLU with slope 0.2, then multiplies by ``gain``; any shape."""
    return F.leaky_relu(x, SLOPE) * gain


def activate_(x: Tensor, clamp: float | None) -> Tensor:
    """Applies LeakyReLU with slope 0.2 in place, then clamps to +-``clamp``; any shape.

    In place it takes a third less time on CPUs.
    """
    x = F.leaky_relu(x, SLOPE, inplace=True)
    # The gradient of hardtanh takes one pass over the image, that of clamp takes four.
    return x if clamp is None else F.hardtanh(x, -clamp, clamp)


def undo_leaky_relu(x: Tensor, gain: float = math.sqrt(2)) -> Tensor:
    """Inverts ``leaky_relu`` with the same ``gain``; any shape (PULSE, 3.3)."""
    return F.leaky_relu(x / gain, 1 / SLOPE)


def pixel_norm(x: Tensor) -> Tensor:
    """Divides x (B, C, ...) by its root mean square over the channels (Progressive GAN, 4.2)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def truncate(ws: Tensor, w_avg: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """Interpolates the first ``cutoff`` styles (all when None) of ws (B, num_ws, w_dim) with the mean w_avg (w_dim,).

    ``psi`` is the weight of ws: 1 leaves them as they are, 0 gives the mean (StyleGAN, appendix B).
    """
    if psi == 1:
        return ws
    end = ws.shape[1] if cutoff is None else cutoff
    return torch.cat([w_avg.lerp(ws[:, :end], psi), ws[:, end:]], dim=1)


def make_noise(
    shapes: Sequence[tuple[int, int, int]], batch: int, generator: torch.Generator, device: torch.device
) -> list[Tensor]:
    """Draws one standard normal map (batch, *shape) on ``device`` for each of ``shapes``, in order.

    ``generator`` lives on the CPU, so that a seed means the same on every device.
    """
    return [torch.randn((batch, *shape), generator=generator).to(device) for shape in shapes]


def drawn(*shape: int, std: float = 1.0) -> Tensor:
    """Draws the initial values of a weight of this shape from a normal distribution of deviation ``std``.

    Tensors on the meta device, which have no values, are returned as they are: to draw there, torch would import its
    compiler, which takes seconds.
    """
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_().mul_(std)


def check_noise(noise: Sequence[Tensor], shapes: Sequence[tuple[int, int, int]], batch: int) -> None:
    """Raises ValueError unless ``noise`` holds one map (batch, *shape) for each of ``shapes``, in order."""
    if len(noise) != len(shapes):
        raise ValueError(f"this generator takes {len(shapes)} noise maps, but {len(noise)} were given")
    for index, (given, shape) in enumerate(zip(noise, shapes, strict=True)):
        if tuple(given.shape) != (batch, *shape):
            raise ValueError(f"noise map {index} must be {(batch, *shape)}, but is {tuple(given.shape)}")


def check_ws(ws: Tensor, num_ws: int, w_dim: int) -> None:
    """Raises ValueError unless ws is (B, num_ws, w_dim)."""
    if ws.ndim != 3 or ws.shape[1:] != (num_ws, w_dim):
        raise ValueError(f"ws must be (batch, {num_ws}, {w_dim}), but is {tuple(ws.shape)}")


class FullyConnected(nn.Module):
    """A linear layer whose stored weight is scaled at run time by lr_multiplier / sqrt(in_features).

    The equalised learning rate of Progressive GAN, 4.1, with the learning rate multiplier of StyleGAN.
    """

    def __init__(
        self, in_features: int, out_features: int, *, lr_multiplier: float = 1.0, bias_init: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(out_features, in_features, std=1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full([out_features], bias_init))
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (B, in_features) to (B, out_features)."""
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


def run_mapping(x: Tensor, layers: Iterable[nn.Module], gain: float = math.sqrt(2)) -> Tensor:
    """Maps x (B, in) through linear layers, each followed by ``leaky_relu`` with ``gain``: (B, out)."""
    for layer in layers:
        x = leaky_relu(layer(x), gain)
    return x


class StyleSettings(Protocol):
    """The settings that every StyleGAN has."""

    @property
    def z_dim(self) -> int:
        """Length of the input latent z."""
        ...

    @property
    def w_dim(self) -> int:
        """Length of one style vector."""
        ...

    @property
    def resolution(self) -> int:
        """Height and width of the image in pixels."""
        ...


class MappingSettings(StyleSettings, Protocol):
    """The settings that ``MappingNetwork`` reads."""

    @property
    def c_dim(self) -> int:
        """Length of the class label; 0 for none."""
        ...

    @property
    def mapping_layers(self) -> int:
        """Number of fully connected layers."""
        ...

    @property
    def lr_multiplier(self) -> float:
        """Run-time scale of their weights."""
        ...


class MappingNetwork(nn.Module):
    """The mapping network of StyleGAN2 and StyleGAN3: z, with an embedded label, to w; it keeps the mean of w.

    Parameters carry the official names: ``embed``, ``fc0``, ``fc1``, ..., ``w_avg``.

    Args:
        settings: the sizes.
        embed_features: length of the embedded label; None for ``w_dim``.
        layer_features: width of the hidden layers; None for ``w_dim``.
    """

    w_avg: Tensor

    def __init__(
        self, settings: MappingSettings, *, embed_features: int | None = None, layer_features: int | None = None
    ) -> None:
        super().__init__()
        embedded = (embed_features or settings.w_dim) if settings.c_dim else 0
        hidden = layer_features or settings.w_dim
        if settings.c_dim:
            self.embed = FullyConnected(settings.c_dim, embedded)
        widths = [settings.z_dim + embedded, *[hidden] * (settings.mapping_layers - 1), settings.w_dim]
        self._names = [f"fc{index}" for index in range(settings.mapping_layers)]
        for name, (inputs, outputs) in zip(self._names, pairwise(widths), strict=False):
            self.add_module(name, FullyConnected(inputs, outputs, lr_multiplier=settings.lr_multiplier))
        self.register_buffer("w_avg", torch.zeros(settings.w_dim))

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Maps z (B, z_dim) and labels c (B, c_dim), which only a conditional mapping reads, to w (B, w_dim)."""
        x = pixel_norm(z)
        if "embed" in self._modules:
            x = torch.cat([x, pixel_norm(self.embed(c))], dim=1)
        return run_mapping(x, [self.get_submodule(name) for name in self._names])


def modulate(x: Tensor, styles: Tensor) -> Tensor:
    """Multiplies each channel of x (B, C, H, W) by its style (B, C)."""
    return x * styles[:, :, None, None]


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Computes the factors (B, out) that bring the output of a modulated convolution back to unit variance.

    Equation 3 of StyleGAN2, applied to the output and not to the weight, so that one convolution with one weight does
    for the whole batch.

    Args:
        weight: kernels (out, in, k, k).
        styles: scales of the input channels (B, in).
    """
    return F.linear(styles.square(), weight.square().sum(dim=(2, 3))).add(1e-8).rsqrt()


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to RGB, without demodulation."""

    def __init__(self, in_channels: int, *, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(drawn(3, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.weight_gain = 1 / math.sqrt(in_channels)

    def style_gain(self) -> float | Tensor:
        """Returns the factor on the styles: a number, or a scalar tensor."""
        return self.weight_gain

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps x (B, in, H, W) and w (B, w_dim) to RGB (B, 3, H, W)."""
        rgb = F.conv2d(modulate(x, self.affine(w) * self.style_gain()), self.weight, self.bias)
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)


def upsample_fir(x: Tensor, kernel: Tensor, factor: int, padding: tuple[int, int]) -> Tensor:
    """Enlarges x (B, C, H, W) by zero-stuffing and convolution with an FIR kernel, keeping the brightness.

    Args:
        x: the image.
        kernel: (K,) of a separable filter or (K, K), summing to 1.
        factor: pixels out for one pixel in, along each axis.
        padding: zeros before and after the zero-stuffed image, on both axes; negative crops.
    """
    for taps, strides in _passes(kernel, factor):
        sides = [
            (size - 1 - padding[0], size - stride - padding[1]) if size > 1 else (0, 0)
            for size, stride in zip(taps.shape, strides, strict=True)
        ]
        crop = [max(0, min(side)) for side in sides]
        weight = (taps * math.prod(strides)).expand(x.shape[1], 1, *taps.shape)
        x = F.conv_transpose2d(x, weight, stride=strides, padding=crop, groups=x.shape[1])
        rest = [cut - side for cut, pair in zip(crop, sides, strict=True) for side in pair]
        if any(rest):
            x = F.pad(x, (rest[2], rest[3], rest[0], rest[1]))
    return x


def downsample_fir(x: Tensor, kernel: Tensor, factor: int = 1, padding: int = 0) -> Tensor:
    """Convolves x (B, C, H, W) with an FIR kernel, (K,) or (K, K), and keeps every factor-th pixel."""
    for taps, strides in _passes(kernel, factor):
        pads = [padding if size > 1 else 0 for size in taps.shape]
        weight = taps.flip((0, 1)).expand(x.shape[1], 1, *taps.shape)
        x = F.conv2d(x, weight, stride=strides, padding=pads, groups=x.shape[1])
    return x


def _passes(kernel: Tensor, factor: int) -> list[tuple[Tensor, tuple[int, int]]]:
    """Returns the 2-D kernels, with their strides, that apply a separable (K,) or a full (K, K) filter in turn."""
    if kernel.ndim == 1:
        return [(kernel[:, None], (factor, 1)), (kernel[None, :], (1, factor))]
    return [(kernel, (factor, factor))]
