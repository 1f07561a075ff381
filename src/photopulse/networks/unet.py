"""The body that the networks for whole pictures share: a small U-Net that begins at a part of the picture's size."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock

_MARGIN: Final = 16  # px; a multiple of what the network's halvings divide.


@dataclass(frozen=True, kw_only=True)
class UNetSettings:
    """Sizes of a network.

    Attributes:
        widths: channels at the first size, half of it, a quarter and so on.
        blocks: residual blocks at each size on the way down, and again on the way up; the last is the bottom's.
        shrink: the picture's size over the first size; what is lost in size is kept in channels.
    """

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    shrink: int = 2

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or len(self.widths) < 2:
            raise ValueError("a network has as many widths as numbers of blocks, two or more")


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) of residual blocks. At half of the size a CPU is four times as fast.

    It returns zeros at first.

    Args:
        channels: of the pictures that come in, and of what goes out.
        settings: sizes of the network.
    """

    def __init__(self, channels: tuple[int, int], settings: UNetSettings) -> None:
        super().__init__()
        widths, blocks = settings.widths, settings.blocks
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
        """Turns pictures (B, channels in, H, W) of any size, about [-1, 1], into what goes out.

        Its sides are those of the pictures, rounded up to a multiple of what the halvings divide.
        """
        height, width = pictures.shape[2:]
        # Convolutions take what lies beyond the edges for black, and would draw lines along them.
        edges = (_MARGIN, _MARGIN + -width % self._multiple, _MARGIN, _MARGIN + -height % self._multiple)
        x = self.stem(F.pixel_unshuffle(F.pad(pictures, edges, mode="replicate"), self._shrink))
        kept: list[Tensor] = []
        for down, halving in zip(self.ways_down, self.halvings, strict=False):
            kept.append(down(x))
            x = halving(kept[-1])
        x = self.ways_down[-1](x)
        for level in reversed(range(len(kept))):
            enlarged = F.pixel_shuffle(self.doublings[level](x), 2)
            x = self.ways_up[level](self.joins[level](torch.cat([enlarged, kept[level]], dim=1)))
        made = F.pixel_shuffle(cast(Tensor, self.last(x)), self._shrink)
        return made[:, :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))
