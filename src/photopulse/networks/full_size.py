"""The full-size network: transfers a restoration at low resolution to the full size with a deep guided filter."""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.allocator import keep_freed_memory
from photopulse.networks.blocks import ResidualBlock, convolution
from photopulse.networks.enlarge_window import enlarge_window
from photopulse.networks.guided_filter import ConvGuidedFilter
from photopulse.networks.tiles import in_tiles

# A tile of 256 px and its features fit into the caches of a CPU core.
TILE = 256


@dataclass(frozen=True, kw_only=True)
class FullSizeSettings:
    """Sizes of the network.

    Attributes:
        radius: distance of the points in the guided filter's window, in px of the small picture.
        hidden: channels of the network that computes the slopes, at the small size.
        blocks: number of residual blocks at the full size.
        width: channels of the residual blocks, 4 to 8.
        shows_small: whether the restored small picture, enlarged, is an input of the residual blocks too.
    """

    radius: int = 1
    hidden: int = 32
    blocks: int = 2
    width: int = 8
    shows_small: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for sizes that are out of range."""
        if self.radius < 1 or self.hidden < 1 or self.blocks < 0 or not 4 <= self.width <= 8:
            raise ValueError("a full-size network has a radius and hidden channels from 1, and a width from 4 to 8")


class FullSizeNet(nn.Module):
    """Applies the change from a small picture to its restored version to the same picture at full size.

    The deep guided filter (Wu et al., CVPR 2018) gives a first large result. Residual blocks of few channels, which
    see this result and the unrestored large picture, add a correction. The small picture is taken to be an antialiased
    reduction of the large one, so the filter's coefficients are enlarged with ``align_corners=False``; the paper aligns
    the corners.

    An extension of the paper: the filter blurs detail that is sharp only in the restored small picture, so with
    ``shows_small`` the residual blocks see that picture too.
    """

    def __init__(self, settings: FullSizeSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or FullSizeSettings()
        width, blocks = self.settings.width, self.settings.blocks
        self.guided = ConvGuidedFilter(radius=self.settings.radius, hidden=self.settings.hidden)
        self.stem = convolution(9 if self.settings.shows_small else 6, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, low_in: Tensor, low_out: Tensor, high_in: Tensor) -> Tensor:
        """Restores whole pictures at full size; an untrained network returns the guided filter's result.

        Args:
            low_in: (B, 3, h, w) RGB in [0, 1], the downscaled ``high_in``.
            low_out: (B, 3, h, w), the restored ``low_in``.
            high_in: (B, 3, H, W) with H >= h and W >= w in any ratio.

        Returns:
            (B, 3, H, W), nominally in [0, 1], not clamped.

        Raises:
            ValueError: if the shapes do not fit together.
        """
        _check_shapes(low_in, low_out, high_in)
        height, width = high_in.shape[2:]
        return self.window(self.small_maps(low_in, low_out), high_in, range(height), range(width))

    def small_maps(self, low_in: Tensor, low_out: Tensor) -> Tensor:
        """Computes everything that the large size needs from the small one: maps (B, 6 or 9, h, w).

        These are the filter's slopes, its offsets and, with ``shows_small``, the restored small picture.
        """
        maps = self.guided.coefficients(low_in, low_out)
        return torch.cat([*maps, low_out] if self.settings.shows_small else maps, dim=1)

    def window(self, small_maps: Tensor, high_in: Tensor, rows: range, columns: range) -> Tensor:
        """Computes the given rows and columns of the result (B, 3, len(rows), len(columns)), equal up to rounding.

        Args:
            small_maps: result of the method ``small_maps`` for the whole small pictures.
            high_in: the whole large picture (B, 3, H, W).
            rows: rows of the result, within [0, H).
            columns: columns of the result, within [0, W).
        """
        # The window, extended by the receptive field of the convolutions.
        height, width = high_in.shape[2:]
        context = 2 + 2 * self.settings.blocks  # what the convolutions see around a pixel
        top, left = max(rows.start - context, 0), max(columns.start - context, 0)
        seen_rows = range(top, min(rows.stop + context, height))
        seen_columns = range(left, min(columns.stop + context, width))
        high = high_in[..., top : seen_rows.stop, left : seen_columns.stop]
        # The guided filter, then the correction of the residual blocks.
        restored = self.restored(enlarge_window(small_maps, (height, width), seen_rows, seen_columns), high)
        return restored[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]

    def restored(self, maps: Tensor, high: Tensor) -> Tensor:
        """Restores ``high`` (B, 3, H, W) by the maps of ``small_maps``, enlarged to (B, 6 or 9, H, W)."""
        slope, offset, *shown = cast(tuple[Tensor, ...], maps.split(3, dim=1))
        first = torch.addcmul(offset, slope, high)
        return first + self._correction(torch.cat([first, high, *shown], dim=1))

    def _correction(self, pictures: Tensor) -> Tensor:
        # With few channels, convolutions on a CPU are up to twice as fast in this memory format.
        pictures = pictures.contiguous(memory_format=torch.channels_last) * 2 - 1
        return cast(Tensor, self.last(self.body(F.leaky_relu(self.stem(pictures), 0.2))))


def restore_full_size(
    net: FullSizeNet, low_in: Tensor, low_out: Tensor, high_in: Tensor, *, tile: int = TILE
) -> Tensor:
    """Computes ``net(low_in, low_out, high_in)`` without gradients and with little memory besides the result.

    Both sizes are processed in tiles of ``tile`` x ``tile`` pixels; the result does not depend on the tiles. The
    network must be in eval mode, as it is when loaded from a file.

    Raises:
        ValueError: if the shapes do not fit together, or the tile is too small for the network.
    """
    _check_shapes(low_in, low_out, high_in)
    height, width = high_in.shape[2:]

    def find_maps(both: Tensor) -> Tensor:
        return net.small_maps(both[:, :3], both[:, 3:])

    # The maps of the whole small picture first, then the large picture window by window.
    with keep_freed_memory(), torch.no_grad():
        small = torch.cat([low_in, low_out], dim=1)
        maps = in_tiles(find_maps, small, tile=tile, overlap=net.settings.radius)
        result = torch.empty_like(high_in, memory_format=torch.contiguous_format)
        for rows in _ranges(height, tile):
            for columns in _ranges(width, tile):
                restored = net.window(maps, high_in, rows, columns)
                result[..., rows.start : rows.stop, columns.start : columns.stop] = restored
    return result


def _ranges(size: int, tile: int) -> list[range]:
    """Splits [0, size) into the least number of equal ranges of at most ``tile``."""
    count = -(-size // tile)
    edges = [i * size // count for i in range(count + 1)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def _check_shapes(low_in: Tensor, low_out: Tensor, high_in: Tensor) -> None:
    low, high = low_in.shape, high_in.shape
    if (
        low != low_out.shape
        or (len(low), len(high)) != (4, 4)
        or not low_in.numel()
        or (low[0], low[1], high[1]) != (high[0], 3, 3)
        or high[2] < low[2]
        or high[3] < low[3]
    ):
        shapes = f"{tuple(low)}, {tuple(low_out.shape)} and {tuple(high)}"
        raise ValueError(f"two small pictures (B, 3, h, w) and one at least as large are needed, got {shapes}")
