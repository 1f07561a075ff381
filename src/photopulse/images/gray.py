"""Conversion of colour pictures to grey."""

from typing import Final

import torch
from torch import Tensor

GRAY_WEIGHTS: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of ITU-R BT.601, with which grey files are written."""


def gray_of(image: Tensor) -> Tensor:
    """Computes the luma (B, 1, H, W), in the image's own range, dtype and device, of an RGB image (B, 3, H, W)."""
    return (image * image.new_tensor(GRAY_WEIGHTS).view(1, 3, 1, 1)).sum(1, keepdim=True)


def is_gray(image: Tensor) -> bool:
    """Returns whether the three channels of an image (B, 3, H, W) are equal."""
    red, green, blue = image.unbind(1)
    return torch.equal(red, green) and torch.equal(red, blue)
