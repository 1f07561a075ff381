"""RRDBNet, the super-resolution network of ESRGAN (Wang et al. 2018) and Real-ESRGAN (Wang et al. 2021), factor 4.

Residual-in-residual dense blocks compute at the input's size; two nearest-neighbour upsamplings, each followed by a
convolution, bring the features to the output's size. There is no normalisation.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_RESIDUAL = 0.2


@dataclass(frozen=True, kw_only=True)
class RRDBSettings:
    """Sizes of an RRDBNet.

    Attributes:
        num_blocks: number of residual-in-residual dense blocks.
        width: channels between the blocks and at the output's size.
        growth: channels that each convolution of a dense block adds.
    """

    num_blocks: int = 23
    width: int = 64
    growth: int = 32


class RRDBNet(nn.Module):
    """The network, with the parameter names of the published state dict.

    It maps RGB (B, 3, H, W) in [0, 1] to (B, 3, 4H, 4W), not clamped. Inference is fastest if both weights and image
    are in the channels-last memory format.
    """

    def __init__(self, settings: RRDBSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RRDBSettings()
        width, growth = self.settings.width, self.settings.growth
        self.conv_first = _conv(3, width)
        self.body = nn.Sequential(*(RRDB(width, growth) for _ in range(self.settings.num_blocks)))
        self.conv_body = _conv(width, width)
        self.conv_up1 = _conv(width, width)
        self.conv_up2 = _conv(width, width)
        self.conv_hr = _conv(width, width)
        self.conv_last = _conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        features = self.conv_first(image)
        features = features + self.conv_body(self.body(features))
        features = _activated(self.conv_up1(_doubled(features)))
        features = _activated(self.conv_up2(_doubled(features)))
        return self.conv_last(_activated(self.conv_hr(features)))


class RRDB(nn.Module):
    """Adds the result of three dense blocks, times 0.2, to the input (B, width, H, W)."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(width, growth)
        self.rdb2 = DenseBlock(width, growth)
        self.rdb3 = DenseBlock(width, growth)

    def forward(self, features: Tensor) -> Tensor:
        return features + _RESIDUAL * self.rdb3(self.rdb2(self.rdb1(features)))


class DenseBlock(nn.Module):
    """Five densely connected convolutions, whose result, times 0.2, is added to the input (B, width, H, W)."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.conv1 = _conv(width, growth)
        self.conv2 = _conv(width + growth, growth)
        self.conv3 = _conv(width + 2 * growth, growth)
        self.conv4 = _conv(width + 3 * growth, growth)
        self.conv5 = _conv(width + 4 * growth, width)

    def forward(self, features: Tensor) -> Tensor:
        seen = features
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat([seen, _activated(conv(seen))], dim=1)
        return features + _RESIDUAL * self.conv5(seen)


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _activated(features: Tensor) -> Tensor:
    # In place, because at the output's size one copy of the features takes as much memory as everything else.
    return F.leaky_relu_(features, 0.2)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="nearest")
