"""The photo network: cleans any picture at its working size, faces or none."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.unet import UNet, UNetSettings


@dataclass(frozen=True, kw_only=True)
class PhotoNetSettings(UNetSettings):
    """Sizes of the network.

    Attributes:
        widths: see ``UNetSettings``.
        blocks: likewise.
        kept: side in px of the squares whose mean colours stay the input's.
    """

    widths: tuple[int, ...] = (32, 64, 96)
    blocks: tuple[int, ...] = (2, 2, 3)
    kept: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kept < 1:
            raise ValueError(f"the squares that keep their colours have a side of 1 px or more, got {self.kept}")


class PhotoNet(UNet):
    """Removes noise, colour noise, blocks, blur and mosaic; what it returns is the input and a correction.

    The correction has no low frequencies: noise, blocks and blur leave the mean colours of a region as they were, so
    these are always the input's, whatever the network has learned from.
    """

    def __init__(self, settings: PhotoNetSettings | None = None) -> None:
        sizes = settings or PhotoNetSettings()
        super().__init__((3, 3), sizes)
        self.settings = sizes

    def forward(self, photo: Tensor) -> Tensor:
        """Cleans pictures (B, 3, H, W) in [0, 1] of any size; returns the same shape, not clamped."""
        height, width = photo.shape[2:]
        correction = self.body(photo * 2 - 1)
        correction = correction - low_frequencies(correction, self.settings.kept)
        return photo + correction[:, :, :height, :width]


def low_frequencies(picture: Tensor, side: int) -> Tensor:
    """The means of squares of ``side`` px, linearly interpolated, as large as the picture."""
    height, width = picture.shape[2:]
    padded = F.pad(picture, (0, -width % side, 0, -height % side), mode="replicate")
    means = F.avg_pool2d(padded, side)
    return F.interpolate(means, padded.shape[2:], mode="bilinear", align_corners=False)[:, :, :height, :width]
