"""The photo network: removes noise, compression blocks and blur from any picture, at its working size."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock

_MARGIN: Final = 16  # Padding in px at each side; a multiple of the network's total stride.


@dataclass(frozen=True, kw_only=True)
class PhotoNetSettings:
    """Sizes of the network.

    Attributes:
        widths: channels at 1/2, 1/4, 1/8 of the picture's size.
        blocks: residual blocks at each of these sizes, in the encoder and again in the decoder; the last number is
            that of the bottom level.
        kept: side in px of the squares whose mean colours are kept unchanged.

    Raises:
        ValueError: for fewer than two levels, differing numbers of levels, or ``kept`` below 1.
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
    """Removes noise, colour noise, compression blocks, blur and mosaic by adding a correction to the picture.

    It is a small U-Net (Ronneberger et al. 2015) of residual blocks that starts at half the size, which is four times
    as fast on a CPU. Low frequencies are removed from the correction: noise, blocks and blur do not change the mean
    colour of a region, so the network must not change it either, whatever it was trained on.
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
        # Pad the picture.
        height, width = photo.shape[2:]
        multiple = 2 ** len(self.settings.widths)
        # The edge pixels are repeated; the zero padding of the convolutions would leave lines along the edges.
        edges = (_MARGIN, _MARGIN + -width % multiple, _MARGIN, _MARGIN + -height % multiple)
        x = self.stem(F.pixel_unshuffle(F.pad(photo, edges, mode="replicate") * 2 - 1, 2))
        # Encoder.
        kept: list[Tensor] = []
        for down, halving in zip(self.ways_down, self.halvings, strict=False):
            kept.append(down(x))
            x = halving(kept[-1])
        x = self.ways_down[-1](x)
        # Decoder, with the encoder's feature maps concatenated.
        for level in reversed(range(len(kept))):
            enlarged = F.pixel_shuffle(self.doublings[level](x), 2)
            x = self.ways_up[level](self.joins[level](torch.cat([enlarged, kept[level]], dim=1)))
        # The correction, without the padding and without low frequencies.
        correction = F.pixel_shuffle(cast(Tensor, self.last(x)), 2)[:, :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        correction = correction - low_frequencies(correction, self.settings.kept)
        return photo + correction[:, :, :height, :width]


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


def low_frequencies(picture: Tensor, side: int) -> Tensor:
    """Returns the means of squares of ``side`` px, interpolated bilinearly to the size of the picture."""
    height, width = picture.shape[2:]
    padded = F.pad(picture, (0, -width % side, 0, -height % side), mode="replicate")
    means = F.avg_pool2d(padded, side)
    return F.interpolate(means, padded.shape[2:], mode="bilinear", align_corners=False)[:, :, :height, :width]
