"""The enlarging network: a small super-resolution network that doubles width and height."""

from dataclasses import dataclass
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock, convolution

FACTOR = 2


@dataclass(frozen=True, kw_only=True)
class EnlargeNetSettings:
    """Sizes of the network.

    Attributes:
        width: channels of the feature maps.
        blocks: number of residual blocks.
    """

    width: int = 32
    blocks: int = 3


class EnlargeNet(nn.Module):
    """Bicubic enlargement plus a correction, computed at the small size (pixel shuffle, ESPCN: Shi et al. 2016)."""

    def __init__(self, settings: EnlargeNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or EnlargeNetSettings()
        width = self.settings.width
        self.stem = convolution(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(self.settings.blocks)))
        self.last = nn.Conv2d(width, 3 * FACTOR**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, image: Tensor) -> Tensor:
        """Enlarges pictures (B, 3, H, W) in [0, 1] to (B, 3, 2H, 2W), nominally in [0, 1], not clamped."""
        enlarged = F.interpolate(image, scale_factor=FACTOR, mode="bicubic", align_corners=False)
        x = F.leaky_relu(self.stem(image * 2 - 1), 0.2)
        return enlarged + F.pixel_shuffle(cast(Tensor, self.last(self.body(x))), FACTOR)
