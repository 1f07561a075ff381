"""The decoder of the face network: from a small tensor and one more at every size to a face."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.restore.blocks import ResidualBlock, convolution, unit_channels


class FaceDecoder(nn.Module):
    """Draws faces: five times it doubles the size, each time with a tensor of that size concatenated.

    As a GAN all these tensors are random, as in StyleGAN the noise is; in ``FaceNet`` they are the encoder's feature
    maps. The colours of all sizes are added up, as in StyleGAN2 (Karras et al. 2020, Fig. 7), so that the smaller
    sizes can be trained before the larger ones.

    Args:
        widths: channels at s, s/2 .. s/32.
        skip_widths: channels of the concatenated tensors at s, s/2 .. s/16, and of the small one at s/32.
        middle: residual blocks at s/32.
    """

    def __init__(self, widths: Sequence[int], skip_widths: Sequence[int], middle: int) -> None:
        super().__init__()
        self.skip_widths = tuple(skip_widths)
        self.first = convolution(skip_widths[-1], widths[-1])
        self.middle = nn.Sequential(*(ResidualBlock(widths[-1]) for _ in range(middle)))
        coarse_first = list(pairwise(reversed(widths)))
        skips = list(reversed(skip_widths[:-1]))
        self.steps = nn.ModuleList(
            _Doubling(coarse, skip, fine, unit=size < len(skips) - 2)
            for size, ((coarse, fine), skip) in enumerate(zip(coarse_first, skips, strict=True))
        )
        self.to_rgb = nn.ModuleList(_to_rgb(width) for width in list(reversed(widths))[1:])

    def forward(self, small: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Draws faces from ``small`` (B, skip_widths[-1], h, w) and ``skips``, the finest last.

        Fewer ``skips`` than the network has sizes give a smaller face: n of them (B, 3, 2**n h, 2**n w).

        Returns:
            RGB, around 0: what to add to a grey picture, or to a damaged one.
        """
        x = self.middle(F.leaky_relu(self.first(unit_channels(small)), 0.2))
        image: Tensor | None = None
        for step, to_rgb, skip in zip(self.steps, self.to_rgb, skips, strict=False):
            x = step(x, skip)
            colours = cast(Tensor, to_rgb(x))
            image = colours if image is None else _doubled_smoothly(image) + colours
        if image is None:
            raise ValueError("a face needs at least one tensor to concatenate")
        return image

    def forget_colours(self) -> None:
        """Makes all that it draws grey again: what it knows of faces stays, what it does with it is learned anew."""
        for layer in self.to_rgb:
            for values in layer.parameters():
                nn.init.zeros_(values)

    def random_inputs(
        self, batch: int, *, size: int, sizes: int, generator: torch.Generator
    ) -> tuple[Tensor, list[Tensor]]:
        """Draws what ``forward`` takes as a GAN: standard normal tensors, the small one of ``size`` x ``size``.

        ``sizes`` doublings are drawn for; ``generator`` is on the CPU, and so are the tensors.
        """
        widths = [self.skip_widths[-1], *reversed(self.skip_widths[:-1])][: sizes + 1]
        drawn = [
            torch.randn(batch, width, size * 2**level, size * 2**level, generator=generator)
            for level, width in enumerate(widths)
        ]
        return drawn[0], drawn[1:]


class _Doubling(nn.Module):
    """Twice the size, another tensor beside, two convolutions."""

    def __init__(self, channels: int, skip_channels: int, out_channels: int, *, unit: bool) -> None:
        super().__init__()
        self.join = convolution(channels + skip_channels, out_channels)
        self.refine = convolution(out_channels, out_channels)
        self.unit = unit

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1)
        x = F.leaky_relu(self.join(x), 0.2)
        if self.unit:
            x = unit_channels(x)
        x = F.leaky_relu(self.refine(x), 0.2)
        return unit_channels(x) if self.unit else x


def _to_rgb(channels: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, 3, 1)
    # Five of them are added up: grey at first, not glaring.
    nn.init.normal_(layer.weight, std=0.1 / channels**0.5)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


def _doubled_smoothly(image: Tensor) -> Tensor:
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
