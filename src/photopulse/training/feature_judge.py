"""A judge of pictures that looks at the features of a trained network, so that it learns from few pictures."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from photopulse.metrics.features import EfficientNetLite0

_STAGE_CHANNELS = (24, 40, 112, 320)  # EfficientNet-Lite0's maps at a quarter of the size, an eighth ...
_SMALLEST = 64


class FeatureJudge(nn.Module):
    """Says at many places and four scales whether a picture is a photo (Projected GAN: Sauer et al., NeurIPS 2021).

    The features are those of a frozen network, mixed at random once and for all (there: 3.2); only the small
    heads learn. They are spectrally normalised (Miyato et al., ICLR 2018).

    Args:
        width: channels of the mixed features and of the heads.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.mixes = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in _STAGE_CHANNELS)
        self.mixes.requires_grad_(False)
        # A coarse map is judged as it is, finer ones from further away.
        # The coarsest also sees how much the pictures of a batch differ: all alike are no photos.
        self.heads = nn.ModuleList(_head(width + (halvings == 0), width, halvings) for halvings in (3, 2, 1, 0))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Judges pictures by their ``picture_features``: four maps (B, 1, h, w), high for photos."""
        mixed = [mix(stage) for stage, mix in zip(maps[1:], self.mixes, strict=True)]
        mixed[-1] = _with_spread(mixed[-1])
        return [cast(Tensor, head(stage)) for stage, head in zip(mixed, self.heads, strict=True)]


def _with_spread(maps: Tensor) -> Tensor:
    """Appends the standard deviation over the batch, averaged over channels and places (Karras et al. 2018, 3)."""
    spread = (maps.float().var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
    return torch.cat([maps, spread.to(maps).expand(len(maps), 1, *maps.shape[2:])], dim=1)


def picture_features(features: EfficientNetLite0, image: Tensor) -> list[Tensor]:
    """Computes five stages of maps of pictures (B, 3, H, W) in [0, 1]; those below 64 px are enlarged first."""
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


def judge_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """What the judge minimises: photos above 1, made pictures below -1 (hinge), mean over the maps."""
    each = [
        F.relu(1 - of_real.float()).mean() + F.relu(1 + of_made.float()).mean()
        for of_real, of_made in zip(real, made, strict=True)
    ]
    return torch.stack(each).mean()


def maker_loss(made: list[Tensor]) -> Tensor:
    """What who makes pictures minimises, for each picture (B,): the judge's maps should be high."""
    return torch.stack([-verdict.float().mean(dim=(1, 2, 3)) for verdict in made]).mean(dim=0)
