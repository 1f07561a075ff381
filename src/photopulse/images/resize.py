"""Resizes pictures with OpenCV, and cuts out their middle."""

import cv2
import numpy as np
import torch
from torch import Tensor


def resized(photo: Tensor, height: int, width: int) -> Tensor:
    """Resizes (1, 3, H, W) in [0, 1]: area averages if it becomes smaller, bicubic interpolation if larger.

    It computes on the CPU without gradients and clamps the result. A photo of the wanted size is returned unchanged.

    Returns:
        (1, 3, height, width), with the dtype and device of the photo.

    Raises:
        ValueError: if it is not one photo.
    """
    _check_one(photo)
    if tuple(photo.shape[2:]) == (height, width):
        return photo
    array = photo[0].detach().float().cpu().permute(1, 2, 0).numpy()
    shrinks = height * width < photo.shape[2] * photo.shape[3]
    done = cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return torch.from_numpy(np.clip(done, 0, 1)).permute(2, 0, 1)[None].to(photo)


def middle_square(image: Tensor) -> Tensor:
    """Returns the largest square in the middle of an image (..., H, W), without copying it."""
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[..., top : top + side, left : left + side]


def _check_one(photo: Tensor) -> None:
    if photo.ndim != 4 or photo.shape[:2] != (1, 3):
        raise ValueError(f"one photo (1, 3, H, W) is needed, got the shape {tuple(photo.shape)}")
