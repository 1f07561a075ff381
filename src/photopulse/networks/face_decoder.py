"""The decoder of the face network, which generates a face from a small tensor and one further tensor per size."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock, convolution, unit_channels

# The full size is computed at half the size with four pixels per position, which is four times as fast on a CPU.
PIXEL_CHANNELS: Final = 12


class FaceDecoder(nn.Module):
    """Generates faces in five steps that double the size; each concatenates a tensor of the new size (a skip).

    In GAN training all these tensors are random, like the noise of StyleGAN. In ``FaceNet`` they are the encoder's
    feature maps and, at the full size, the cleaned face. RGB outputs of all sizes are summed, as in StyleGAN2 (Karras
    et al. 2020, Fig. 7), so that small sizes can be trained before large ones.

    Args:
        widths: channels at s/2, s/4 .. s/32, of the decoder's feature maps and of the skips. The skip of size s has 3
            channels, passed as ``PIXEL_CHANNELS`` at s/2 (``pixel_unshuffle``).
        middle: residual blocks at s/32.
    """

    def __init__(self, widths: Sequence[int], middle: int) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.first = convolution(widths[-1], widths[-1])
        self.middle = nn.Sequential(*(ResidualBlock(widths[-1]) for _ in range(middle)))
        coarse_first = list(pairwise(reversed(widths)))
        self.steps = nn.ModuleList(
            _Doubling(coarse, fine, unit=place < len(coarse_first) - 2)
            for place, (coarse, fine) in enumerate(coarse_first)
        )
        self.to_rgb = nn.ModuleList(_faint(nn.Conv2d(fine, 3, 1)) for _, fine in coarse_first)
        self.last = _faint(nn.Conv2d(widths[0] + PIXEL_CHANNELS, PIXEL_CHANNELS, 3, padding=1))

    def forward(self, small: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Generates faces from ``small`` (B, widths[-1], h, w) and ``skips``, the finest last.

        Returns:
            (B, 3, 2**n h, 2**n w) for n skips, so fewer skips give smaller faces. The values are centred on 0, to be
            added to a grey or to a cleaned picture.

        Raises:
            ValueError: without skips.
        """
        x = self.middle(F.leaky_relu(self.first(unit_channels(small)), 0.2))
        image: Tensor | None = None
        for step, to_rgb, skip in zip(self.steps, self.to_rgb, skips, strict=False):
            x = step(x, skip)
            colours = cast(Tensor, to_rgb(x))
            # Add the RGB output of this size to the enlarged one of the size before.
            image = colours if image is None else _doubled(image) + colours
        if image is None:
            raise ValueError("a face needs at least one tensor to concatenate")
        if len(skips) <= len(self.steps):
            return image
        return _doubled(image) + F.pixel_shuffle(cast(Tensor, self.last(torch.cat([x, skips[-1]], dim=1))), 2)

    def forget_colours(self) -> None:
        """Sets the RGB layers to zero and keeps the features that were learned in GAN training."""
        for layer in (*self.to_rgb, self.last):
            for values in layer.parameters():
                nn.init.zeros_(values)

    def random_inputs(
        self, batch: int, *, size: int, sizes: int, generator: torch.Generator
    ) -> tuple[Tensor, list[Tensor]]:
        """Draws the inputs of ``forward`` for GAN training: standard normal tensors on the CPU.

        Args:
            batch: number of faces.
            size: side of the small tensor.
            sizes: number of skips.
            generator: a CPU generator.

        Returns:
            The small tensor (batch, widths[-1], size, size), and the skips, the finest last.
        """
        widths = [*reversed(self.widths), PIXEL_CHANNELS][: sizes + 1]
        # The skip of the full size is stored at half the size, as large as the one before.
        sides = [size * 2 ** min(level, len(self.widths) - 1) for level in range(len(widths))]
        drawn = [
            torch.randn(batch, width, side, side, generator=generator)
            for width, side in zip(widths, sides, strict=True)
        ]
        return drawn[0], drawn[1:]


class _Doubling(nn.Module):
    """Doubles the size, concatenates a skip, and applies two residual blocks."""

    def __init__(self, channels: int, out_channels: int, *, unit: bool) -> None:
        super().__init__()
        self.enlarge = nn.Conv2d(channels, 4 * out_channels, 1)
        self.join = nn.Conv2d(2 * out_channels, out_channels, 1)
        self.refine = nn.Sequential(ResidualBlock(out_channels), ResidualBlock(out_channels))
        self.unit = unit

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = cast(Tensor, self.join(torch.cat([F.pixel_shuffle(cast(Tensor, self.enlarge(x)), 2), skip], dim=1)))
        return cast(Tensor, self.refine(unit_channels(x) if self.unit else x))


def _faint(layer: nn.Conv2d) -> nn.Conv2d:
    """Initialises an RGB layer with small weights, because the outputs of several such layers are summed."""
    nn.init.normal_(layer.weight, std=0.1 / layer.in_channels**0.5)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


def _doubled(image: Tensor) -> Tensor:
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
