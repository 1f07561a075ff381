"""A discriminator that rates the features of a trained network instead of pixels.

Sauer et al. 2021, Projected GANs Converge Faster, arXiv 2111.01007: frozen features, mixed over channels and scales by
random weights that are never trained, and one small discriminator for each scale.
"""

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from photopulse.metrics.features import EfficientNetLite0
from photopulse.training.learner import channels_last

_CHANNELS: Final = (16, 24, 40, 112)  # of the features' stages, the finest first.
_WIDTH: Final = 64
_FEATURE_SCALE: Final = 10.0  # their root mean square once mixed; so the logits are of the order of the hinge's margin.
_LEAST_SIDE: Final = 4  # px of the map that a head rates.


class ProjectedDiscriminator(nn.Module):
    """Rates pictures by the features of EfficientNet-Lite0 at four scales.

    Args:
        features: the network, on the device of the training; a frozen copy of it is no part of the state.
        resolution: side of the pictures in px.
    """

    def __init__(self, features: EfficientNetLite0, resolution: int) -> None:
        super().__init__()
        # A tuple hides the network from the parameters and the state.
        self._frozen = (channels_last(features.folded()),)
        self.mixed = nn.ModuleList(nn.Conv2d(channels, _WIDTH, 1, bias=False) for channels in _CHANNELS)
        self.lifted = nn.ModuleList(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False) for _ in _CHANNELS[1:])
        for weight in (*self.mixed.parameters(), *self.lifted.parameters()):
            nn.init.kaiming_normal_(weight, nonlinearity="linear").requires_grad_(False)
        self.heads = nn.ModuleList(_head(resolution // 2 ** (scale + 1)) for scale in range(len(_CHANNELS)))

    def see(self, pictures: Tensor) -> list[Tensor]:
        """Computes what the heads rate of pictures (B, 3, H, W) in [-1, 1]: maps (B, 64, h, w), the finest first."""
        # In float32, whose gradients are twice as fast through depthwise convolutions on CPUs.
        with torch.autocast(pictures.device.type, enabled=False):
            image = channels_last(pictures.float() * 0.5 + 0.5)
            stages = self._frozen[0].stages(image, count=len(_CHANNELS))
        maps = [mix(stage / _FEATURE_SCALE) for mix, stage in zip(self.mixed, stages, strict=True)]
        # What the coarse scales show is added to the finer ones.
        for finer in range(len(maps) - 2, -1, -1):
            coarse = F.interpolate(self.lifted[finer](maps[finer + 1]), maps[finer].shape[2:], mode="bilinear")
            maps[finer] = maps[finer] + coarse
        return maps

    def rate(self, seen: Sequence[Tensor]) -> Tensor:
        """Computes logits (B, N), high for real pictures, of what ``see`` returned."""
        return torch.cat([head(one).flatten(1) for head, one in zip(self.heads, seen, strict=True)], dim=1)

    def requires_grad_(self, requires_grad: bool = True) -> "ProjectedDiscriminator":
        """Sets whether the heads learn; the random mixing never does."""
        self.heads.requires_grad_(requires_grad)
        return self


def _head(side: int) -> nn.Sequential:
    """Makes the discriminator of a scale whose maps have this side: halved to 4 px, then rated."""
    layers: list[nn.Module] = []
    while side > _LEAST_SIDE:
        layers += [spectral_norm(nn.Conv2d(_WIDTH, _WIDTH, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        side //= 2
    layers += [spectral_norm(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(_WIDTH, 1, 3, padding=1)))
