"""The small U-Net that the networks for whole pictures share; it begins at a fraction of the picture's size."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock

_MARGIN: Final = 16


@dataclass(frozen=True, kw_only=True)
class UNetSettings:
    """Sizes of a network.

    Attributes:
        widths: channels at the first size, at half of it, at a quarter and so on.
        blocks: residual blocks at each of these sizes, in the encoder and again in the decoder; the last number is
            that of the bottom level.
        shrink: factor from the first size to the picture's size; the pixels become channels (pixel unshuffle).
        margin: padding in px at each side, a multiple of the network's total stride.

    Raises:
        ValueError: for fewer than two levels, or differing numbers of levels.
    """

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    shrink: int = 2
    margin: int = _MARGIN

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or len(self.widths) < 2:
            raise ValueError("a network has as many widths as numbers of blocks, two or more")


class UNet(nn.Module):
    """A small U-Net (Ronneberger et al. 2015) of residual blocks, whose output is zero before it is trained.

    It starts at half the size or less, which is at least four times as fast on a CPU.

    Args:
        channels: channels of the input and of the output.
        settings: sizes of the network.
    """

    def __init__(self, channels: tuple[int, int], settings: UNetSettings) -> None:
        super().__init__()
        widths, blocks = settings.widths, settings.blocks
        self._margin = settings.margin
        self._shrink, parts = settings.shrink, settings.shrink**2
        self._multiple = settings.shrink * 2 ** (len(widths) - 1)
        self.stem = nn.Conv2d(parts * channels[0], widths[0], 3, padding=1)
        self.ways_down = nn.ModuleList(_blocks(width, count) for width, count in zip(widths, blocks, strict=True))
        self.halvings = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.doublings = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairwise(widths))
        self.joins = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.ways_up = nn.ModuleList(_blocks(*pair) for pair in list(zip(widths, blocks, strict=True))[:-1])
        self.last = nn.Conv2d(widths[0], parts * channels[1], 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def body(self, pictures: Tensor) -> Tensor:
        """Computes the output for pictures (B, channels in, H, W) of any size, values about [-1, 1].

        The sides of the output are those of the pictures, rounded up to a multiple of the total stride.
        """
        # Pad the picture. The edge pixels are repeated; zero padding would leave lines along the edges.
        height, width = pictures.shape[2:]
        margin = self._margin
        edges = (margin, margin + -width % self._multiple, margin, margin + -height % self._multiple)
        x = self.stem(F.pixel_unshuffle(F.pad(pictures, edges, mode="replicate"), self._shrink))
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
        # Full size again, without the padding.
        made = F.pixel_shuffle(cast(Tensor, self.last(x)), self._shrink)
        return made[:, :, margin:-margin, margin:-margin]


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))
