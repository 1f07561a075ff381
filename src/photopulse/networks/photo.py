"""The photo network: removes noise, compression blocks and blur from any picture, at its working size."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.unet import UNet, UNetSettings


@dataclass(frozen=True, kw_only=True)
class PhotoNetSettings(UNetSettings):
    """Sizes of the network.

    Attributes:
        widths: channels at 1/2, 1/4, 1/8 of the picture's size.
        blocks: residual blocks at each of these sizes, in the encoder and again in the decoder; the last number is
            that of the bottom level.
        shrink: see ``UNetSettings``.
        kept: side in px of the squares whose mean colours are kept unchanged.

    Raises:
        ValueError: for fewer than two levels, differing numbers of levels, or ``kept`` below 1.
    """

    widths: tuple[int, ...] = (32, 64, 96)
    blocks: tuple[int, ...] = (2, 2, 3)
    kept: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kept < 1:
            raise ValueError(f"the squares that keep their colours have a side of 1 px or more, got {self.kept}")


class PhotoNet(UNet):
    """Removes noise, colour noise, compression blocks, blur and mosaic by adding a correction to the picture.

    Low frequencies are removed from the correction: noise, blocks and blur do not change the mean colour of a region,
    so the network must not change it either, whatever it was trained on.
    """

    def __init__(self, settings: PhotoNetSettings | None = None) -> None:
        sizes = settings or PhotoNetSettings()
        super().__init__((3, 3), sizes)
        self.settings = sizes

    def forward(self, photo: Tensor) -> Tensor:
        """Cleans pictures (B, 3, H, W) in [0, 1] of any size; returns the same shape, not clamped."""
        # Pad the picture.
        height, width = photo.shape[2:]
        correction = self.body(photo * 2 - 1)
        correction = correction - low_frequencies(correction, self.settings.kept)
        return photo + correction[:, :, :height, :width]


def low_frequencies(picture: Tensor, side: int) -> Tensor:
    """Returns the means of squares of ``side`` px, interpolated bilinearly to the size of the picture."""
    height, width = picture.shape[2:]
    padded = F.pad(picture, (0, -width % side, 0, -height % side), mode="replicate")
    means = F.avg_pool2d(padded, side)
    return F.interpolate(means, padded.shape[2:], mode="bilinear", align_corners=False)[:, :, :height, :width]
