"""Conversions between image tensors (1, C, H, W) and the arrays (H, W, C) of Pillow, OpenCV and NumPy."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_uint8(pixels: Tensor) -> NDArray[np.uint8]:
    """Clamps an RGB image (1, 3, H, W) or (3, H, W), nominally in [0, 1], and rounds it to uint8 (H, W, 3)."""
    return quantise(pixels, bits=8).astype(np.uint8)


def from_uint8(array: NDArray[np.uint8]) -> Tensor:
    """Converts an RGB array (H, W, 3) to (1, 3, H, W), float32 in [0, 1]; the inverse of ``to_uint8``."""
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise ValueError(f"array must be (H, W, 3) of uint8, got {array.shape} of {array.dtype}")
    return to_tensor(to_unit(array, 255))


def quantise(pixels: Tensor, *, bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Clamps (1, C, H, W) or (C, H, W) to [0, 1] and rounds it to integers of 8 or 16 bits (H, W, C).

    Raises:
        ValueError: if it is not one image, or holds a NaN.
    """
    planes = pixels[0] if pixels.ndim == 4 and pixels.shape[0] == 1 else pixels
    if planes.ndim != 3 or planes.numel() == 0:
        raise ValueError(f"pixels must be one image (C, H, W), got the shape {tuple(pixels.shape)}")
    values = planes.detach().to("cpu", torch.float32).permute(1, 2, 0).numpy()
    if np.isnan(values).any():
        raise ValueError("pixels hold values that are not a number")
    steps = np.floor(np.clip(values, 0, 1) * np.float32(2**bits - 1) + np.float32(0.5))
    return steps.astype(np.uint8) if bits == 8 else steps.astype(np.uint16)


def to_unit(array: NDArray[np.generic], full: float) -> NDArray[np.float32]:
    """Converts integers to float32 on the scale where ``full`` is 1."""
    return np.divide(array, np.float32(full), dtype=np.float32)


def to_tensor(array: NDArray[np.float32]) -> Tensor:
    """Converts (H, W, C) to (1, C, H, W), float32, contiguous."""
    return torch.as_tensor(np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32))[None]


def to_array(image: Tensor) -> NDArray[np.float32]:
    """Copies an image (1, 3, H, W) from any device to float32 pixels (H, W, 3) on the CPU."""
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(f"expected one image (1, 3, H, W), got {tuple(image.shape)}")
    return np.ascontiguousarray(image[0].permute(1, 2, 0).detach().float().cpu().numpy())
