"""Tells the styles of small faces in one pass: where a search begins (pSp: Richardson et al. 2021, arXiv 2008.00951).

Trained on faces that the generator itself draws, whose styles are known. It returns the mean of what is likely, so it
errs towards the mean face where a picture tells little.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class StyleEncoderSettings:
    """Sizes of the encoder.

    Attributes:
        size: height and width in px of the faces that it sees, a multiple of 8.
        widths: channels at ``size`` px, a half, a quarter and an eighth of it.
        blocks: residual blocks at each of these sizes.
    """

    size: int = 32
    widths: tuple[int, ...] = (48, 96, 192, 320)
    blocks: tuple[int, ...] = (1, 2, 2, 2)


class StyleEncoder(nn.Module):
    """Small faces to the style that all layers share.

    Args:
        w_dim: length of the generator's styles.
        settings: sizes; the defaults if None.
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
            faces: aligned as the generator's, (B, 3, s, s) in [0, 1]; shrunk or enlarged to ``settings.size``.
        """
        side = self.settings.size
        small = F.interpolate(faces, (side, side), mode="bicubic", antialias=True, align_corners=False)
        return self.style(self.body(2 * small - 1).flatten(1))


class _Block(nn.Module):
    """Two normalised 3x3 convolutions whose result is added to the input."""

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
