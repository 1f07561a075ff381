"""The discriminator of FSRGAN, conditioned on the low-resolution face."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PairDiscriminator(nn.Module):
    """A patch discriminator, conditioned on the picture that the face was made from (Isola et al., CVPR 2017).

    Spectral normalisation keeps it smooth (Miyato et al., ICLR 2018), which at small batches is steadier than
    batch normalisation.
    """

    def __init__(self, width: int = 48, levels: int = 4) -> None:
        super().__init__()
        widths = [6, *(width * 2**level for level in range(levels))]
        layers: list[nn.Module] = []
        for channels, out_channels in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(channels, out_channels, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        """Computes logits (B, 1, h, w), high for real photos, of images (B, 3, H, W) made from ``condition``.

        Both are in [0, 1] and of the same size.
        """
        return cast(Tensor, self.body(torch.cat([image, condition], dim=1) * 2 - 1))
