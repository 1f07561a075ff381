"""The inpainting network: it fills damaged parts of a photo from their surroundings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.tiles import in_tiles
from photopulse.networks.unet import UNet, UNetSettings

_RELAXATIONS: Final = 8
_WIDE: Final = 8.0  # px from the middle of a hole to its edge; wider holes are filled at half the size first.
_LEAST_SIDE: Final = 32
_TILE, _OVERLAP = 512, 64


@dataclass(frozen=True, kw_only=True)
class InpaintSettings(UNetSettings):
    """Sizes of the network, see ``UNetSettings``."""

    widths: tuple[int, ...] = (32, 48, 64, 96)
    blocks: tuple[int, ...] = (1, 1, 1, 2)


class InpaintNet(UNet):
    """Corrects smoothly filled holes; before training the correction is zero, and outside the holes it always is."""

    def __init__(self, settings: InpaintSettings | None = None) -> None:
        sizes = settings or InpaintSettings()
        super().__init__((4, 3), sizes)
        self.settings = sizes

    def forward(self, filled: Tensor, holes: Tensor) -> Tensor:
        """Takes pictures (B, 3, H, W) in [0, 1] and holes (B, 1, H, W), 0 or 1; returns pictures, not clamped."""
        height, width = filled.shape[2:]
        correction = self.body(torch.cat([filled * 2 - 1, holes], dim=1))
        return filled + holes * correction[:, :, :height, :width]


def fill_smoothly(pictures: Tensor, holes: Tensor) -> Tensor:
    """Fills holes so that each pixel is about the mean of its neighbours (harmonic inpainting).

    It works from coarse to fine, like a multigrid method: the picture is halved until the holes are closed, and each
    size begins with the result of the one before.

    Args:
        pictures: (B, 3, H, W); the values in the holes are ignored.
        holes: (B, 1, H, W), 1 in the holes and 0 elsewhere.
    """
    # Stop at a picture without holes or of a single pixel.
    known = 1 - holes
    if not holes.any():
        return pictures
    height, width = pictures.shape[2:]
    if max(height, width) == 1:
        return pictures * known
    # Begin with the filled picture of half the size.
    coarse, coarse_holes = halved(pictures, holes)
    start = F.interpolate(fill_smoothly(coarse, coarse_holes), scale_factor=2, mode="bilinear", align_corners=False)
    filled = torch.where(holes > 0, start[:, :, :height, :width], pictures)
    # Relax the holes towards the mean of the four neighbours.
    for _ in range(_RELAXATIONS):
        around = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        mean = (around[:, :, 1:-1, 2:] + around[:, :, 1:-1, :-2] + around[:, :, 2:, 1:-1] + around[:, :, :-2, 1:-1]) / 4
        filled = torch.where(holes > 0, mean, filled)
    return filled


def halved(pictures: Tensor, holes: Tensor) -> tuple[Tensor, Tensor]:
    """Halves the size of pictures and holes, odd sides rounded up; pixels in holes do not count in the means.

    A pixel of the half size is a hole if all four of its pixels are.
    """
    height, width = pictures.shape[2:]
    edges = (0, width % 2, 0, height % 2)
    known = F.pad(1 - holes, edges, mode="replicate")
    seen = F.avg_pool2d(known, 2)
    small = F.avg_pool2d(F.pad(pictures, edges, mode="replicate") * known, 2) / seen.clamp(min=0.25)
    return small, (seen == 0).to(holes)


def fill_holes(net: Callable[[Tensor, Tensor], Tensor], picture: Tensor, hole: Tensor) -> Tensor:
    """Fills the holes of a picture (1, 3, H, W) in [0, 1] of any size; all other pixels stay exactly as they are.

    Wide holes are filled at half the size first, and so on, so that they always fit into the network's receptive field.

    Args:
        net: ``InpaintNet``.
        picture: picture; the values in the holes are ignored.
        hole: (1, 1, H, W), 1 in the holes and 0 elsewhere.
    """
    if not hole.any():
        return picture
    start = fill_smoothly(picture, hole)
    if _depth(hole) > _WIDE and min(picture.shape[2:]) >= 2 * _LEAST_SIDE:
        start = coarse_start(net, picture, hole)

    def run(part: Tensor) -> Tensor:
        filled, holes = part[:, :3], part[:, 3:]
        return net(filled, holes) if holes.any() else filled

    made = in_tiles(run, torch.cat([start, hole], dim=1), tile=_TILE, overlap=_OVERLAP)
    return torch.where(hole > 0, made.float().clamp(0, 1), picture)


def coarse_start(net: Callable[[Tensor, Tensor], Tensor], picture: Tensor, hole: Tensor) -> Tensor:
    """Fills holes as ``fill_holes`` does, at half the size, and enlarges the result."""
    small = fill_holes(net, *halved(picture, hole))
    large = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.where(hole > 0, large[:, :, : picture.shape[2], : picture.shape[3]], picture)


def _depth(hole: Tensor) -> float:
    """Returns the largest distance in px of a pixel in a hole from the hole's edge."""
    return float(cv2.distanceTransform(hole[0, 0].cpu().numpy().astype(np.uint8), cv2.DIST_L2, 3).max())
