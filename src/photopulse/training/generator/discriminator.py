"""The discriminator of a small StyleGAN2: residual blocks that halve the size down to 4 px."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.layers import FullyConnected, drawn, leaky_relu
from photopulse.generators.stylegan2 import StyleGAN2Settings

_GROUP = 4  # pictures whose spread one map of the batch shows.


class Discriminator(nn.Module):
    """Rates pictures of the size and with the widths of a StyleGAN2 (StyleGAN2, section 4.1).

    The picture is unshuffled to half its side before the first convolution, which saves the costliest one.

    Args:
        settings: those of the generator; the resolution is 8 px or more.

    Attributes:
        resting: number of the first blocks that do not learn, and the first convolution with them.
    """

    def __init__(self, settings: StyleGAN2Settings) -> None:
        super().__init__()
        self.resting = 0
        sizes = settings.block_resolutions[-2::-1]  # From half of the resolution down to 4.
        widths = [settings.channels(size) for size in sizes]
        self.first = Conv(12, widths[0], 3)
        self.blocks = nn.ModuleList(Block(inside, outside) for inside, outside in pairwise(widths))
        self.last = Conv(widths[-1] + 1, widths[-1], 3)
        self.hidden = FullyConnected(widths[-1] * 16, widths[-1])
        self.logit = FullyConnected(widths[-1], 1)

    def see(self, pictures: Tensor) -> list[Tensor]:
        """Returns what is rated of pictures (B, 3, H, W) in [-1, 1]: the pictures themselves."""
        return [pictures]

    def rate(self, seen: Sequence[Tensor]) -> Tensor:
        """Computes logits (B,), high for real pictures, of what ``see`` returned."""
        x = leaky_relu(self.first(F.pixel_unshuffle(seen[0], 2)))
        for block in self.blocks:
            x = block(x)
        x = leaky_relu(self.last(torch.cat([x, spread_map(x)], dim=1)))
        return self.logit(leaky_relu(self.hidden(x.flatten(1))))[:, 0]

    def requires_grad_(self, requires_grad: bool = True) -> "Discriminator":
        """Sets whether the weights learn; those of resting blocks never do."""
        super().requires_grad_(requires_grad)
        if self.resting:
            for module in (self.first, *self.blocks[: self.resting]):
                module.requires_grad_(False)
        return self


class Block(nn.Module):
    """Two 3x3 convolutions and a skip, of which the output has half the side (StyleGAN2, figure 7c)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv0 = Conv(channels, channels, 3)
        self.conv1 = Conv(channels, out_channels, 3)
        self.skip = Conv(channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (B, C, H, W) to (B, C', H/2, W/2)."""
        y = leaky_relu(self.conv1(F.avg_pool2d(leaky_relu(self.conv0(x)), 2)))
        return (y + self.skip(F.avg_pool2d(x, 2))) * math.sqrt(0.5)


class Conv(nn.Module):
    """A convolution with the equalised learning rate of Progressive GAN, 4.1."""

    def __init__(self, channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(out_channels, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.gain = 1 / math.sqrt(channels * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (B, C, H, W) to (B, C', H, W)."""
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[-1] // 2)


def spread_map(x: Tensor) -> Tensor:
    """Computes the minibatch standard deviation (Progressive GAN, 3) of x (B, C, H, W) as a map (B, 1, H, W).

    Groups hold up to 4 pictures; where the batch is no multiple of 4, it is one group.
    """
    size = _GROUP if len(x) % _GROUP == 0 else len(x)
    # Pictures that lie far apart in the batch make up a group.
    groups = x.view(size, -1, *x.shape[1:]).float()
    spread = (groups.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return spread.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x)
