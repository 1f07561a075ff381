"""A judge of small pictures: does this face belong to that small one, and is it a photo?"""

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PairDiscriminator(nn.Module):
    """Judges pictures beside what they were made from, patch by patch (Isola et al., CVPR 2017).

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

    def forward(self, image: Tensor, given: Tensor) -> Tensor:
        """Judges images (B, 3, H, W) made from ``given`` (B, 3, H, W), both in [0, 1]: (B, 1, h, w), photos high."""
        return cast(Tensor, self.body(torch.cat([image, given], dim=1) * 2 - 1))


def hinge_loss(real: Tensor, made: Tensor) -> Tensor:
    """What the judge minimises: photos above 1, made pictures below -1 (Lim and Ye 2017)."""
    return F.relu(1 - real).mean() + F.relu(1 + made).mean()
