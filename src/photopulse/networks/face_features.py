"""Predicts from a damaged face how a generator's features have to change, so that the generator renders that face.

An encoder whose feature maps are concatenated to those of a trained generator (GPEN: Yang et al. 2021, arXiv
2105.06070; GLEAN: Chan et al. 2021, arXiv 2012.00739). It learns from faces whose sharp versions are known what the
optimisation of ``inversion`` cannot: what a blurred eye looked like before.
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.twin import feature_unit
from photopulse.networks.unet import UNet, UNetSettings

_SEEN: Final = 4  # Side of the face that is seen over the side of the features.


@dataclass(frozen=True, kw_only=True)
class FaceFeatureSettings(UNetSettings):
    """Sizes of the network, see ``UNetSettings``.

    Attributes:
        channels: channels of the generator's features.
        reduced: channels to which the generator's features are reduced before they are concatenated, and from which
            their change is made.
    """

    channels: int = 512
    widths: tuple[int, ...] = (64, 96, 128)
    blocks: tuple[int, ...] = (2, 2, 2)
    shrink: int = 1
    margin: int = 4
    reduced: int = 64


class FaceFeatureNet(UNet):
    """Predicts the change of features (B, size, size, C) of a generator; untrained, it changes nothing.

    Args:
        settings: sizes of the network; the defaults if None.
    """

    def __init__(self, settings: FaceFeatureSettings | None = None) -> None:
        sizes = settings or FaceFeatureSettings()
        super().__init__((3 * _SEEN**2 + sizes.reduced + 3, sizes.reduced), sizes)
        self.settings = sizes
        self.last.reset_parameters()
        self.reduce = nn.Conv2d(sizes.channels, sizes.reduced, 1)
        self.change = nn.Conv2d(sizes.reduced, sizes.channels, 1)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, face: Tensor, features: Tensor, rendered: Tensor) -> Tensor:
        """Returns the changed features (B, size, size, C).

        Args:
            face: damaged face (B, 3, s, s) in [0, 1], aligned as the generator's; it is resized to 4 * size px.
            features: the generator's features (B, size, size, C) of the face's styles.
            rendered: what they look like, (B, 3, size, size), nominally in [0, 1].
        """
        side = _SEEN * features.shape[1]
        if face.shape[-1] != side:
            face = F.interpolate(face, (side, side), mode="bicubic", antialias=True, align_corners=False)
        unit = feature_unit(features)
        normal = (features - features.mean((1, 2), keepdim=True)) / unit
        seen = F.pixel_unshuffle(2 * face - 1, _SEEN)
        joined = torch.cat([seen, self.reduce(normal.permute(0, 3, 1, 2)), 2 * rendered - 1], dim=1)
        return features + unit * self.change(self.body(joined)).permute(0, 2, 3, 1).to(features)
