"""Luma as MATLAB's ``rgb2ycbcr`` computes it: BT.601, from 16 (black) to 235 (white)."""

import torch
from torch import Tensor

# What full red, green and blue add to black, in thousandths of a grey level.
_MILLI_WEIGHTS = (65_481, 128_553, 24_966)
_BLACK = 16


def luma(image: Tensor) -> Tensor:
    """Computes BT.601 luma, not rounded and not clamped: black is 16, white is 235.

    Args:
        image: (B, 3, H, W), nominally [0, 1].

    Returns:
        (B, 1, H, W) on the same device, float32 (float64 for float64 images), differentiable.

    Raises:
        ValueError: if the image is not (B, 3, H, W) of floating point numbers.
    """
    check_image(image)
    values = image.to(torch.promote_types(image.dtype, torch.float32))
    weights = values.new_tensor(_MILLI_WEIGHTS).reshape(1, 3, 1, 1) / 1000
    return (values * weights).sum(dim=1, keepdim=True) + _BLACK


def byte_luma(image: Tensor, *, truncate: bool = False) -> Tensor:
    """Computes BT.601 luma in whole grey levels, as MATLAB does for the image saved with 8 bits.

    The image is clamped to [0, 1] and rounded to bytes first. The arithmetic is in integers, so every device gives the
    same values.

    Args:
        image: (B, 3, H, W), nominally [0, 1].
        truncate: drop the fraction of a grey level instead of rounding it.

    Returns:
        (B, 1, H, W), int64, 16 to 235, on the same device.

    Raises:
        ValueError: if the image is not (B, 3, H, W) of floating point numbers or holds a NaN.
    """
    check_image(image)
    if image.isnan().any():
        raise ValueError("the image holds values that are not a number")
    levels = (image.clamp(0, 1).float() * 255 + 0.5).floor().to(torch.int64)
    weights = torch.tensor(_MILLI_WEIGHTS, device=image.device).reshape(1, 3, 1, 1)
    full = 255 * 1000
    rounding = 0 if truncate else full // 2
    total = (levels * weights).sum(dim=1, keepdim=True) + _BLACK * full
    return torch.div(total + rounding, full, rounding_mode="floor")


def check_image(image: Tensor) -> None:
    """Raises ValueError unless the image is (B, 3, H, W), not empty, of floating point numbers."""
    if image.ndim != 4 or image.shape[1] != 3 or image.numel() == 0:
        raise ValueError(f"image must be (B, 3, H, W), got the shape {tuple(image.shape)}")
    if not image.is_floating_point():
        raise ValueError(f"image must hold floating point numbers in [0, 1], got {image.dtype}")


def check_pair(image: Tensor, reference: Tensor) -> None:
    """Raises ValueError unless both are images (B, 3, H, W) of one shape."""
    check_image(image)
    check_image(reference)
    if image.shape != reference.shape:
        raise ValueError(f"both images must have one shape, got {tuple(image.shape)} and {tuple(reference.shape)}")
