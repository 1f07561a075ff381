"""Peak signal-to-noise ratio (PSNR): the mean squared error against a reference, in decibels. Higher is closer."""

import torch
from torch import Tensor

from photopulse.metrics.luma import byte_luma, check_pair


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Computes 10 log10(1 / MSE) over all pixels and the three channels, both images clamped to [0, 1] first.

    Args:
        image: (B, 3, H, W), nominally [0, 1].
        reference: the same shape.

    Returns:
        Decibels (B,), float32 (float64 for float64 images); infinite for equal images.

    Raises:
        ValueError: if the shapes differ or are not (B, 3, H, W).
    """
    check_pair(image, reference)
    exact = torch.promote_types(torch.promote_types(image.dtype, reference.dtype), torch.float32)
    difference = image.to(exact).clamp(0, 1) - reference.to(exact).clamp(0, 1)
    return -10 * difference.square().mean(dim=(1, 2, 3)).log10()


def psnr_y(image: Tensor, reference: Tensor) -> Tensor:
    """Computes PSNR on luma by the protocol of FSRNet (Chen et al. 2018, the authors' test script).

    Both images are clamped and rounded to bytes, as saved files are; BT.601 luma is truncated to whole grey levels;
    the peak is 255, and a mean squared error below 1 counts as 1, so the largest value is 48.13 dB. The value of a set
    is the mean over its images.

    Args:
        image: (B, 3, H, W), nominally [0, 1].
        reference: same shape.

    Returns:
        Decibels (B,), float32.

    Raises:
        ValueError: if the shapes differ or are not (B, 3, H, W), or if an image holds a NaN.
    """
    check_pair(image, reference)
    difference = byte_luma(image, truncate=True) - byte_luma(reference, truncate=True)
    error = difference.float().square().mean(dim=(1, 2, 3)).clamp(min=1)
    return 10 * (255**2 / error).log10()
