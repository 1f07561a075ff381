"""Layers that the restoration networks share."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


def convolution(channels: int, out_channels: int, *, stride: int = 1) -> nn.Conv2d:
    """Creates a 3x3 convolution that keeps the size (or divides it by ``stride``), initialised for a leaky ReLU."""
    layer = nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1)
    nn.init.kaiming_normal_(layer.weight, a=0.2)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


class ResidualBlock(nn.Module):
    """Adds the result of two 3x3 convolutions to the input (B, channels, H, W); untrained, it is the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels)
        self.conv2 = convolution(channels, channels)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.conv2(F.leaky_relu(self.conv1(x), 0.2)))
