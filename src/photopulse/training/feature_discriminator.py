"""A discriminator on the features of a frozen, trained network, so that it learns from few pictures."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from photopulse.metrics.features import EfficientNetLite0

_STAGE_CHANNELS = (24, 40, 112, 320)  # EfficientNet-Lite0's maps at 1/4, 1/8, 1/16 and 1/32 of the picture's size.
_SMALLEST = 64


class FeatureDiscriminator(nn.Module):
    """Rates pictures patch by patch at four scales (Projected GAN: Sauer et al., NeurIPS 2021).

    The features of the frozen network are mixed by fixed random 1 x 1 convolutions (section 3.2 of the paper); only
    the small heads learn. They are spectrally normalised (Miyato et al., ICLR 2018).

    Args:
        width: channels of the mixed features and of the heads.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.mixes = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in _STAGE_CHANNELS)
        self.mixes.requires_grad_(False)
        # Finer maps are halved until all logits are at 1/32 of the picture's size.
        # The coarsest head also gets the standard deviation over the batch, against mode collapse.
        self.heads = nn.ModuleList(_head(width + (halvings == 0), width, halvings) for halvings in (3, 2, 1, 0))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Computes four maps of logits (B, 1, h, w), high for real photos, from ``picture_features``."""
        mixed = [mix(stage) for stage, mix in zip(maps[1:], self.mixes, strict=True)]
        mixed[-1] = _with_batch_deviation(mixed[-1])
        return [cast(Tensor, head(stage)) for stage, head in zip(mixed, self.heads, strict=True)]


def _with_batch_deviation(maps: Tensor) -> Tensor:
    """Appends the standard deviation over the batch, averaged over channels and places (Karras et al. 2018, 3)."""
    deviation = (maps.float().var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
    return torch.cat([maps, deviation.to(maps).expand(len(maps), 1, *maps.shape[2:])], dim=1)


def picture_features(features: EfficientNetLite0, image: Tensor) -> list[Tensor]:
    """Computes five stages of feature maps of pictures (B, 3, H, W) in [0, 1]; those below 64 px are enlarged first."""
    if image.shape[2] < _SMALLEST:
        image = F.interpolate(image, size=(_SMALLEST, _SMALLEST), mode="bilinear", align_corners=False)
    return features.stages(image)


def _head(channels: int, width: int, halvings: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(halvings):
        layers += [spectral_norm(nn.Conv2d(channels, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        channels = width
    layers += [spectral_norm(nn.Conv2d(channels, width, 3, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, 3, padding=1)))
