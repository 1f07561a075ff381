"""The twin of a MobileStyleGAN: its image at low resolution for a hundredth of the time (see ``twin.Twin``).

A block of the tail keeps the size of its input: of the inverse wavelet transform it computes the mean of each 2x2
pixels, and training adds the mean effect of the detail coefficients. Channels are sorted by subband here (all low-pass
coefficients, then the details along rows, columns, diagonals) and not by channel as in the generator. So the inverse
transform works on contiguous memory, and the styles of a block's two modulations can be multiplied first.
"""

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.twin_layers import activate_, depthwise, linear, parameter, pointwise

if TYPE_CHECKING:
    from photopulse.generators.mobilestylegan import (
        Block,
        ImageLayer,
        InputLayer,
        MobileStyleGAN,
        ModulatedSeparableConv,
    )


class MobileStyleGANTwin:
    """Approximates a MobileStyleGAN's image at ``size`` px; implements ``twin.Twin``.

    Args:
        generator: its weights are copied; its later layers are kept for ``finish``.
        size: a power of two from 4 to half the generator's resolution.
    """

    def __init__(self, generator: "MobileStyleGAN", size: int) -> None:
        blocks = [cast("Block", block) for block in generator.blocks]
        doublings = (size // 4).bit_length() - 1
        self.size = size
        self.trunk = Trunk(generator.input, blocks[:doublings])
        self.tail = Tail(blocks[doublings:], generator.image)
        self._first = 2 * doublings + 1
        self._later = blocks[doublings:]
        self._image = generator.image

    def features(self, ws: Tensor) -> Tensor:
        return self.trunk(ws[:, : self._first])

    def render(self, features: Tensor, ws: Tensor) -> Tensor:
        return self.tail(features, ws[:, self._first :])

    def __call__(self, ws: Tensor) -> Tensor:
        return self.render(self.features(ws), ws)

    def finish(self, features: Tensor, ws: Tensor) -> Tensor:
        order = by_subband(features.shape[-1]).to(features.device)
        x = torch.empty_like(features.permute(0, 3, 1, 2), memory_format=torch.contiguous_format)
        x[:, order] = features.permute(0, 3, 1, 2)
        *styles, last = ws[:, self._first :].unbind(1)
        for i, block in enumerate(self._later):
            x = block(x, styles[2 * i], styles[2 * i + 1], None, None)
        return (cast(Tensor, self._image(x, last)) + 1) / 2


class Trunk(nn.Module):
    """The generator's first layers: ws (B, 1 + 2 blocks, w_dim) -> features (B, size, size, C), sorted by subband."""

    def __init__(self, layer: "InputLayer", blocks: "list[Block]") -> None:
        super().__init__()
        self.input = Input(layer)
        self.blocks = nn.ModuleList(TrunkBlock(block) for block in blocks)
        self.requires_grad_(False)

    def forward(self, ws: Tensor) -> Tensor:
        first, *styles = ws.unbind(1)
        x = self.input(first)
        for i, block in enumerate(self.blocks):
            x = block(x, styles[2 * i], styles[2 * i + 1])
        return x


class Input(nn.Module):
    """The input layer as one matrix, as it is linear in w: (B, w_dim) -> (B, 4, 4, C)."""

    def __init__(self, layer: "InputLayer") -> None:
        super().__init__()
        channels = layer.const.shape[1]
        order = by_subband(channels)
        patches = F.unfold(layer.const, 3, padding=1).view(channels, 9, 16)
        by_style = torch.einsum("ock,ckp->poc", layer.weight[order].flatten(2), patches).flatten(0, 1)
        noise = (layer.noise_const * layer.noise_strength).view(16, 1)
        bias = (noise + layer.bias[order]).flatten()
        self.map = linear(by_style @ layer.affine.weight, by_style @ layer.affine.bias + bias)

    def forward(self, w: Tensor) -> Tensor:
        return activate_(self.map(w)).view(len(w), 4, 4, -1)


class TrunkBlock(nn.Module):
    """A block of the generator: (B, H, W, C) -> (B, 2H, 2W, C')."""

    def __init__(self, block: "Block") -> None:
        super().__init__()
        order = by_subband(block.up.out_features)
        # The half is the inverse wavelet's.
        self.up = linear(block.up.weight[order] / 2, block.up.bias[order] / 2)
        self.affine1 = linear(block.conv1.affine.weight, block.conv1.affine.bias)
        self.affine2 = linear(block.conv2.affine.weight, block.conv2.affine.bias)
        outputs = len(block.conv2.bias)
        self.conv1 = TrunkConv(block.conv1, torch.arange(outputs))
        self.conv2 = TrunkConv(block.conv2, by_subband(outputs))

    def forward(self, x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
        x = merge_subbands(x * joint_style(self.up(w1), self.affine1(w1)))
        return self.conv2(self.conv1(x) * self.affine2(w2)[:, None, None])


class TrunkConv(nn.Module):
    """A separable convolution of modulated features, with the stored noise and output channels in ``order``."""

    def __init__(self, conv: "ModulatedSeparableConv", order: Tensor) -> None:
        super().__init__()
        self.depthwise = parameter(conv.depthwise)
        self.pointwise = parameter(conv.pointwise[order, :, 0, 0])
        noise = (conv.noise_const * conv.noise_strength)[0, 0, :, :, None]
        self.bias = parameter(noise + conv.bias[order])

    def forward(self, x: Tensor) -> Tensor:
        mixed = pointwise(depthwise(x, self.depthwise), self.pointwise)
        return activate_(mixed.view(*x.shape[:3], -1) + self.bias)


class Tail(nn.Module):
    """Replaces the later layers: (B, size, size, C) and ws (B, 2 blocks + 1, w_dim) -> RGB (B, 3, size, size)."""

    def __init__(self, blocks: "list[Block]", image: "ImageLayer") -> None:
        super().__init__()
        order = by_subband(image.affine.out_features)
        self.blocks = nn.ModuleList(TailBlock(block) for block in blocks)
        self.affine = linear(image.affine.weight[order], image.affine.bias[order])
        # A half is the inverse wavelet's, whose low-pass coefficients come first; one brings [-1, 1] to [0, 1].
        self.image = linear(image.weight[:3, order, 0, 0] / 4, image.bias[:3] / 4 + 0.5)

    def forward(self, x: Tensor, ws: Tensor) -> Tensor:
        *styles, last = ws.unbind(1)
        for i, block in enumerate(self.blocks):
            x = block(x, styles[2 * i], styles[2 * i + 1])
        image = self.image(x * self.affine(last)[:, None, None])
        return image.permute(0, 3, 1, 2).to(ws.dtype)


class TailBlock(nn.Module):
    """Replaces a block of the generator, without upsampling: (B, H, W, C) -> (B, H, W, C').

    Before training, low-pass coefficients give the mean of their four pixels and details nothing. The generator's
    kernels, which are small compared with a pixel here, are replaced by their sums.
    """

    def __init__(self, block: "Block") -> None:
        super().__init__()
        # Styles.
        order = by_subband(block.up.out_features)
        outputs = by_subband(len(block.conv2.bias))
        self.up = linear(block.up.weight[order], block.up.bias[order])
        self.affine1 = linear(block.conv1.affine.weight, block.conv1.affine.bias)
        self.affine2 = linear(block.conv2.affine.weight, block.conv2.affine.bias)

        # Convolutions.
        low = block.conv1.pointwise[:, :, 0, 0] * block.conv1.depthwise.sum((1, 2, 3)) / 2
        self.mix1 = linear(F.pad(low, (0, 3 * low.shape[1])), block.conv1.bias)
        kernel = torch.zeros_like(block.conv2.depthwise)
        kernel[:, 0, 1, 1] = block.conv2.depthwise.sum((1, 2, 3))
        self.depthwise = parameter(kernel)
        self.mix2 = linear(block.conv2.pointwise[outputs, :, 0, 0], block.conv2.bias[outputs])

    def forward(self, x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
        shape = (*x.shape[:3], -1)
        x = x * joint_style(self.up(w1), self.affine1(w1))
        x = activate_(pointwise(x, self.mix1.weight, self.mix1.bias)).view(shape)
        x = depthwise(x, self.depthwise) * self.affine2(w2)[:, None, None]
        return activate_(pointwise(x, self.mix2.weight, self.mix2.bias)).view(shape)


def by_subband(channels: int) -> Tensor:
    """Returns the generator's channels sorted by subband; unsorted if their number is no multiple of 4."""
    count, rest = divmod(channels, 4)
    if rest:
        return torch.arange(channels)
    return torch.cat([torch.arange(count), torch.arange(count, channels).view(count, 3).t().flatten()])


def joint_style(wavelet: Tensor, conv: Tensor) -> Tensor:
    """Multiplies the styles of coefficients (B, 4C) by those of the pixels they become (B, C): (B, 1, 1, 4C)."""
    count = conv.shape[1]
    return (wavelet.view(-1, 4, count) * conv[:, None]).view(-1, 1, 1, 4 * count)


def merge_subbands(x: Tensor) -> Tensor:
    """Inverts a Haar transform: halved coefficients (B, H, W, 4C), sorted by subband -> (B, 2H, 2W, C)."""
    batch, height, width, channels = x.shape
    low, rows, columns, diagonal = x.view(batch, height, width, 4, channels // 4).unbind(3)
    top, bottom = low + rows, low - rows
    top_step, bottom_step = columns + diagonal, columns - diagonal
    top_pixels = torch.stack([top + top_step, top - top_step], dim=3)
    bottom_pixels = torch.stack([bottom + bottom_step, bottom - bottom_step], dim=3)
    return torch.stack([top_pixels, bottom_pixels], dim=2).view(batch, 2 * height, 2 * width, channels // 4)
