"""Consistency: the error between the input and the downscaled result (PULSE, section 3)."""

from collections.abc import Callable

import torch
from torch import Tensor

from photopulse.metrics.luma import check_image, check_pair


def downscale_mse(image: Tensor, small: Tensor, degradation: Callable[[Tensor], Tensor]) -> Tensor:
    """Computes the mean squared error between the downscaled image and the input. Lower is more faithful.

    The image is clamped to [0, 1] first, as a saved file is, so that values that no viewer can see do not count.

    Args:
        image: (B, 3, H, W), nominally [0, 1].
        small: the input (B, 3, H / factor, W / factor) from which the image was made.
        degradation: maps the large image to the small one; its factor divides H and W.

    Returns:
        (B,), on the scale where white is 1, float32 (float64 for float64 images).

    Raises:
        ValueError: if the shapes do not fit each other or the factor.
    """
    check_image(image)
    exact = torch.promote_types(torch.promote_types(image.dtype, small.dtype), torch.float32)
    downscaled = degradation(image.to(exact).clamp(0, 1))
    check_pair(downscaled, small)
    return (downscaled - small.to(exact)).square().mean(dim=(1, 2, 3))
