"""The photo network: cleans any picture at its working size, faces or none."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock

_MARGIN: Final = 16  # px; a multiple of what the network's halvings divide.


@dataclass(frozen=True, kw_only=True)
class PhotoNetSettings:
    """Sizes of the network.

    Attributes:
        widths: channels at half of the picture's size, a quarter, an eighth.
        blocks: residual blocks at each size on the way down, and again on the way up; the last is the bottom's.
        kept: side in px of the squares whose mean colours stay the input's.
    """

    widths: tuple[int, ...] = (32, 64, 96)
    blocks: tuple[int, ...] = (2, 2, 3)
    kept: int = 32

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or len(self.widths) < 2:
            raise ValueError("a photo network has as many widths as numbers of blocks, two or more")
        if self.kept < 1:
            raise ValueError(f"the squares that keep their colours have a side of 1 px or more, got {self.kept}")


class PhotoNet(nn.Module):
    """Removes noise, colour noise, blocks, blur and mosaic; what it returns is the input and a correction.

    A small U-Net (Ronneberger et al. 2015) of residual blocks that begins at half of the size, where a CPU is
    four times as fast. The correction has no low frequencies: noise, blocks and blur leave the mean colours of a
    region as they were, so these are always the input's, whatever the network has learned from.
    """

    def __init__(self, settings: PhotoNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or PhotoNetSettings()
        widths, blocks = self.settings.widths, self.settings.blocks
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.ways_down = nn.ModuleList(_blocks(width, count) for width, count in zip(widths, blocks, strict=True))
        self.halvings = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.doublings = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairwise(widths))
        self.joins = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.ways_up = nn.ModuleList(_blocks(*pair) for pair in list(zip(widths, blocks, strict=True))[:-1])
        self.last = nn.Conv2d(widths[0], 12, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, photo: Tensor) -> Tensor:
        """Cleans pictures (B, 3, H, W) in [0, 1] of any size; returns the same shape, not clamped."""
        height, width = photo.shape[2:]
        multiple = 2 ** len(self.settings.widths)
        # Convolutions take what lies beyond the edges for black, and would draw lines along them.
        edges = (_MARGIN, _MARGIN + -width % multiple, _MARGIN, _MARGIN + -height % multiple)
        x = self.stem(F.pixel_unshuffle(F.pad(photo, edges, mode="replicate") * 2 - 1, 2))
        kept: list[Tensor] = []
        for down, halving in zip(self.ways_down, self.halvings, strict=False):
            kept.append(down(x))
            x = halving(kept[-1])
        x = self.ways_down[-1](x)
        for level in reversed(range(len(kept))):
            enlarged = F.pixel_shuffle(self.doublings[level](x), 2)
            x = self.ways_up[level](self.joins[level](torch.cat([enlarged, kept[level]], dim=1)))
        correction = F.pixel_shuffle(cast(Tensor, self.last(x)), 2)[:, :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        correction = correction - low_frequencies(correction, self.settings.kept)
        return photo + correction[:, :, :height, :width]


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


def low_frequencies(picture: Tensor, side: int) -> Tensor:
    """The means of squares of ``side`` px, linearly interpolated, as large as the picture."""
    height, width = picture.shape[2:]
    padded = F.pad(picture, (0, -width % side, 0, -height % side), mode="replicate")
    means = F.avg_pool2d(padded, side)
    return F.interpolate(means, padded.shape[2:], mode="bilinear", align_corners=False)[:, :, :height, :width]
