"""Consistency: does the large image downscale back to the small one it was made from (PULSE, section 3)?"""

from collections.abc import Callable

import torch
from torch import Tensor

from photopulse.metrics.luma import check_image, check_pair


def downscale_mse(image: Tensor, small: Tensor, degradation: Callable[[Tensor], Tensor]) -> Tensor:
    """Computes the mean squared error between the downscaled image and the small one. Lower is more faithful.

    The image is clamped to [0, 1] first, as a saved file is: what a viewer cannot see must not count.

    Args:
        image: (B, 3, H, W), nominally [0, 1].
        small: (B, 3, H / factor, W / factor), what the image was made from.
        degradation: the way from large to small; H and W divide by its factor.

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
