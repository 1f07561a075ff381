"""The twin of a StyleGAN2: its image at low resolution for a fraction of the time (see ``twin.Twin``).

The tail leaves out all upsampling. On an image that is downscaled in the end, upsampling acts as a low-pass filter,
which is applied once at the end. Features at low resolution change little over a 3x3 kernel of a later layer, so that
the kernel is replaced by its sum.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.degrade import Bicubic
from photopulse.generators.layers import FullyConnected, ToRGB, activate_, downsample_fir, modulate
from photopulse.generators.stylegan2_layers import SynthesisConv, enlarge
from photopulse.generators.twin_layers import depthwise, linear, parameter, pointwise

if TYPE_CHECKING:
    from photopulse.generators.stylegan2 import StyleGAN2, SynthesisBlock

_TAPS = 5


class StyleGAN2Twin:
    """Approximates a StyleGAN2's image at ``size`` px; implements ``twin.Twin``.

    Args:
        generator: its weights are copied; its later blocks are kept for ``finish``.
        size: a power of two from 4 to half the generator's resolution.
    """

    def __init__(self, generator: "StyleGAN2", size: int) -> None:
        blocks = [cast("SynthesisBlock", block) for block in generator.synthesis.children()]
        doublings = (size // 4).bit_length() - 1
        self.size = size
        self.trunk = [_prepared(block) for block in blocks[: doublings + 1]]
        self._first = 2 * doublings + 1
        self._later = blocks[doublings + 1 :]
        self._shows_rgb = blocks[0].shows_rgb
        self.tail = Tail(self._later, shows_rgb=self._shows_rgb)

    def features(self, ws: Tensor) -> Tensor:
        styles = ws.unbind(1)
        x = rgb = None
        start = 0
        for block in self.trunk:
            end = start + block.convs
            x, rgb = block(x, rgb, styles[start : end + 1], [None] * block.convs)
            start = end
        both = cast("Tensor", x) if rgb is None else torch.cat([cast("Tensor", x), rgb], dim=1)
        return both.permute(0, 2, 3, 1)

    def render(self, features: Tensor, ws: Tensor) -> Tensor:
        return self.tail(features, ws[:, self._first :])

    def __call__(self, ws: Tensor) -> Tensor:
        return self.render(self.features(ws), ws)

    def finish(self, features: Tensor, ws: Tensor) -> Tensor:
        maps = features.permute(0, 3, 1, 2)
        x, rgb = (maps[:, :-3], maps[:, -3:]) if self._shows_rgb else (maps, None)
        styles = ws.unbind(1)
        start = self._first
        for block in self._later:
            x, rgb = block(x, rgb, styles[start : start + block.convs + 1], [None] * block.convs)
            start += block.convs
        return cast("Tensor", rgb) * 0.5 + 0.5


class TrunkConv(nn.Module):
    """A ``SynthesisConv`` in which everything that does not depend on the style is precomputed."""

    power: Tensor
    resample_filter: Tensor

    def __init__(self, conv: SynthesisConv) -> None:
        super().__init__()
        self.up = conv.up
        self.clamp = conv.clamp
        self.affine = _affine(conv.affine)
        # At a few pixels, bringing the kernels to the features' memory format takes longer than convolving.
        kernels = conv.weight.transpose(0, 1) if conv.up else conv.weight
        self.kernels = nn.Parameter(kernels.contiguous(memory_format=torch.channels_last), requires_grad=False)
        # The factor of 4 makes up for the zeros between the pixels.
        self.gain = conv.gain * (4 if conv.up else 1)
        bias = conv.bias[:, None, None]
        self.bias = parameter((bias + conv.noise_const * conv.noise_strength if conv.takes_noise else bias) * conv.gain)
        self.register_buffer("power", _power(conv))
        self.register_buffer("resample_filter", conv.resample_filter)

    def forward(self, x: Tensor, w: Tensor, _noise: None) -> Tensor:
        styles = self.affine(w)
        x = modulate(x, styles)
        if self.up:
            x = F.conv_transpose2d(x, self.kernels, stride=2)
            x = downsample_fir(x, self.resample_filter, padding=len(self.resample_filter) // 2 - 1)
        else:
            x = F.conv2d(x, self.kernels, padding=1)
        scale = _demodulation(styles, self.power) * self.gain
        return activate_(torch.addcmul(self.bias, x, scale[:, :, None, None]), self.clamp)


class Tail(nn.Module):
    """Replaces the later blocks: (B, size, size, C) and ws (B, 2 blocks + 1, w_dim) -> RGB (B, 3, size, size).

    If the generator sums RGB images, the last three of the C channels are the sum so far.
    """

    def __init__(self, blocks: "list[SynthesisBlock]", *, shows_rgb: bool) -> None:
        super().__init__()
        self.shows_rgb = shows_rgb
        self.blocks = nn.ModuleList(TailBlock(block) for block in blocks)
        self.filter = parameter(upsampling_response(blocks[-1].resample_filter, len(blocks)).expand(3, 1, -1, -1))

    def forward(self, x: Tensor, ws: Tensor) -> Tensor:
        styles = ws.unbind(1)
        rgb: Tensor | None = None
        if self.shows_rgb:
            x, rgb = x[..., :-3], x[..., -3:]
        for i, block in enumerate(self.blocks):
            x, rgb = cast("TailBlock", block)(x, rgb, styles[2 * i : 2 * i + 3])
        image = cast("Tensor", rgb).permute(0, 3, 1, 2)
        padded = F.pad(image, (_TAPS // 2,) * 4, mode="replicate")
        return (F.conv2d(padded, self.filter, groups=3) * 0.5 + 0.5).to(ws.dtype)


class TailBlock(nn.Module):
    """Replaces a block, without upsampling: (B, H, W, C) -> (B, H, W, C'), and the sum of RGB images (B, H, W, 3)."""

    def __init__(self, block: "SynthesisBlock") -> None:
        super().__init__()
        self.conv0 = TailConv(block.conv0)
        self.conv1 = TailConv(block.conv1)
        # The identity before training, which can compensate here for the sums of kernels.
        kernel = torch.zeros_like(block.conv1.weight[0, :, None])
        kernel[:, :, 1, 1] = 1
        self.depthwise = parameter(kernel)
        self.torgb = TailRGB(block.torgb) if block.shows_rgb else None
        self.skip = parameter(block.skip.weight[:, :, 0, 0] * block.skip.gain) if block.residual else None

    def forward(self, x: Tensor, rgb: Tensor | None, styles: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """One w (B, w_dim) for each convolution and one for the RGB output."""
        y = self.conv1(depthwise(self.conv0(x, styles[0]), self.depthwise), styles[1])
        if self.skip is not None:
            y = y + F.linear(x, self.skip)
        if self.torgb is not None:
            shown = self.torgb(y, styles[2])
            rgb = shown if rgb is None else rgb + shown
        return y, rgb


class TailConv(nn.Module):
    """A modulated and demodulated 1x1 convolution, bias and LeakyReLU; noise, whose mean is zero, is left out."""

    power: Tensor

    def __init__(self, conv: SynthesisConv) -> None:
        super().__init__()
        self.clamp = conv.clamp
        self.affine = _affine(conv.affine)
        self.weight = parameter(conv.weight.sum((2, 3)) * conv.gain)
        self.bias = parameter(conv.bias * conv.gain)
        # Demodulation needs the energy of the generator's kernels, which is not that of their sums.
        self.register_buffer("power", _power(conv), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w)
        mixed = pointwise(x * styles[:, None, None], self.weight).view(*x.shape[:3], -1)
        scale = _demodulation(styles, self.power)[:, None, None]
        return activate_(torch.addcmul(self.bias.to(mixed), mixed, scale.to(mixed)), self.clamp)


class TailRGB(nn.Module):
    """A modulated 1x1 convolution to RGB: (B, H, W, C) -> (B, H, W, 3)."""

    def __init__(self, torgb: ToRGB) -> None:
        super().__init__()
        self.clamp = torgb.clamp
        self.affine = _affine(torgb.affine, torgb.weight_gain)
        self.mix = linear(torgb.weight[:, :, 0, 0], torgb.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        rgb = self.mix(x * self.affine(w)[:, None, None])
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)


def _affine(layer: FullyConnected, gain: float = 1.0) -> nn.Linear:
    return linear(layer.weight * (layer.weight_gain * gain), layer.bias * (layer.bias_gain * gain))


def _power(conv: SynthesisConv) -> Tensor:
    """Computes the sum of squares (out, in) of each kernel."""
    return conv.weight.detach().square().sum((2, 3))


def _demodulation(styles: Tensor, power: Tensor) -> Tensor:
    """Computes ``layers.demodulation`` (B, out) from the sums of squares of the kernels."""
    return F.linear(styles.square(), power).add(1e-8).rsqrt()


def _prepared(block: "SynthesisBlock") -> "SynthesisBlock":
    """Copies a block for use with the stored noise; at a few pixels it is twice as fast as the original."""
    block = deepcopy(block).requires_grad_(False)
    for name in ("conv0", "conv1")[2 - block.convs :]:
        block.add_module(name, TrunkConv(cast("SynthesisConv", block.get_submodule(name))))
    return block


def upsampling_response(kernel: Tensor, doublings: int) -> Tensor:
    """Computes the impulse response (5, 5), of sum 1, of ``doublings`` upsamplings and the downscaling back."""
    image = kernel.new_zeros(1, 1, 2 * _TAPS + 1, 2 * _TAPS + 1)
    image[..., _TAPS, _TAPS] = 1
    for _ in range(doublings):
        image = enlarge(image, kernel)
    start = _TAPS - _TAPS // 2
    middle = slice(start, start + _TAPS)
    response = Bicubic(2**doublings)(image.expand(-1, 3, -1, -1))[0, 0, middle, middle]
    return response / response.sum()
