"""Perceptual distance: how different two pictures look, by features of a network (Zhang et al. 2018, 1801.03924)."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.metrics.features import EfficientNetLite0
from photopulse.metrics.luma import check_pair

# For smaller pictures the coarsest of the five maps would be a single cell.
SMALLEST_SIDE: Final = 64


def perceptual_distance(net: EfficientNetLite0, a: Tensor, b: Tensor) -> Tensor:
    """Computes the perceptual distance on EfficientNet-Lite0 features of each pair of pictures; 0 for equal ones.

    At each position of the five feature maps, both vectors are scaled to length 1 and their squared distance is
    computed; the result is the mean over positions and then over maps. This is the unlearned baseline of Zhang et al.
    (section 3, all weights equal) on another network. It is not LPIPS, and its values are comparable only with each
    other, for pictures of one size.

    Args:
        net: from ``load_features``.
        a: (B, 3, H, W), nominally [0, 1], on the net's device. A picture whose shorter side is below 64 px is first
            enlarged to 64 px bilinearly.
        b: the same shape.

    Returns:
        (B,), each in [0, 4]; symmetric in a and b, differentiable.

    Raises:
        ValueError: if the shapes differ or are not (B, 3, H, W).
    """
    check_pair(a, b)
    pairs = zip(net.stages(_large_enough(a)), net.stages(_large_enough(b)), strict=True)
    distances = [(_unit(of_a) - _unit(of_b)).square().sum(dim=1).mean(dim=(1, 2)) for of_a, of_b in pairs]
    return torch.stack(distances).mean(dim=0)


def _large_enough(image: Tensor) -> Tensor:
    height, width = image.shape[2:]
    shorter = min(height, width)
    if shorter >= SMALLEST_SIDE:
        return image
    size = [round(side * SMALLEST_SIDE / shorter) for side in (height, width)]
    return F.interpolate(image, size, mode="bilinear", align_corners=False)


def _unit(maps: Tensor) -> Tensor:
    return F.normalize(maps, dim=1, eps=1e-10)
