"""Predicts the styles of small faces in one pass, a search's first guess (pSp: Richardson et al., arXiv 2008.00951).

The encoder is trained on faces of the generator itself, whose styles are known. It predicts the posterior mean, so the
prediction moves towards the mean face where a picture holds little information.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class StyleEncoderSettings:
    """Sizes of the encoder.

    Attributes:
        size: height and width in px of the network's input, a multiple of 8.
        widths: numbers of channels at ``size`` px, and at a half, a quarter and an eighth of it.
        blocks: number of residual blocks at each of these resolutions.
    """

    size: int = 32
    widths: tuple[int, ...] = (48, 96, 192, 320)
    blocks: tuple[int, ...] = (1, 2, 2, 2)


class StyleEncoder(nn.Module):
    """Network that predicts, from a small face, one style that all layers share.

    Args:
        w_dim: dimension of the generator's styles.
        settings: sizes of the network; the defaults if None.
    """

    def __init__(self, w_dim: int, settings: StyleEncoderSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or StyleEncoderSettings()
        widths = settings.widths
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1), *_blocks(widths[0], settings.blocks[0])]
        for (fine, coarse), count in zip(pairwise(widths), settings.blocks[1:], strict=True):
            layers += [nn.Conv2d(fine, coarse, 2, stride=2), *_blocks(coarse, count)]
        self.body = nn.Sequential(*layers)
        features = widths[-1] * (settings.size // 2 ** (len(widths) - 1)) ** 2
        self.style = nn.Linear(features, w_dim)
        nn.init.normal_(self.style.weight, std=1e-3)
        nn.init.zeros_(self.style.bias)

    def forward(self, faces: Tensor) -> Tensor:
        """Returns the shared styles (B, w_dim), standard normal values, see ``search.prior.to_ws``.

        Args:
            faces: faces (B, 3, s, s) in [0, 1], aligned as the generator's; they are resized to ``settings.size``.
        """
        side = self.settings.size
        small = F.interpolate(faces, (side, side), mode="bicubic", antialias=True, align_corners=False)
        return self.style(self.body(2 * small - 1).flatten(1))


class _Block(nn.Module):
    """Residual block of two normalised 3x3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.gelu(self.conv1(F.gelu(self.norm(x)))))


def _blocks(channels: int, count: int) -> list[nn.Module]:
    return [_Block(channels) for _ in range(count)]
