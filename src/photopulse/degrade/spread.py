"""Blurs as differentiable convolutions: the numbers of ``photopulse.degrade.blur``, with exact gradients."""

from collections.abc import Hashable
from functools import lru_cache
from typing import Protocol, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade.resample import at_least_float32, mirror


class Spreading(Hashable, Protocol):
    """What has a kernel with which it spreads every pixel."""

    def kernel(self) -> NDArray[np.floating]:
        """Returns the weights, two odd sides, equal to their own mirror image."""
        ...


def spread(image: Tensor, blur: Spreading) -> Tensor:
    """Blurs (B, C, H, W) as ``blur`` does, differentiably, on the image's device and in its dtype.

    By the Fourier transform, so that wide kernels cost no more than narrow ones; any kernel fits any image.
    """
    height, width = image.shape[2:]
    taps = _kernel(blur).shape
    with torch.autocast(image.device.type, enabled=False):
        values = at_least_float32(image)
        padded = values.index_select(2, _rows(height, taps[0], values.device))
        padded = padded.index_select(3, _rows(width, taps[1], values.device))
        sizes = tuple(cv2.getOptimalDFTSize(size) for size in padded.shape[2:])
        response = _response(blur, sizes, values.dtype, values.device)
        blurred = cast(Tensor, torch.fft.irfft2(torch.fft.rfft2(padded, s=sizes) * response, s=sizes))
    # A circular convolution is wrong only where the kernel wraps around, in its first taps - 1 rows and columns.
    return blurred[..., taps[0] - 1 :, taps[1] - 1 :][..., :height, :width].to(image.dtype)


# Tensors made in inference mode could never take part in a later backward pass.
@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _response(blur: Spreading, sizes: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The kernel's Fourier transform; every kernel is its own mirror image, so nothing is flipped."""
    kernel = torch.as_tensor(_kernel(blur))
    return cast(Tensor, torch.fft.rfft2(kernel, s=sizes)).to(device=device, dtype=dtype.to_complex())


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _rows(size: int, taps: int, device: torch.device) -> Tensor:
    reach = taps // 2
    return torch.as_tensor(mirror(np.arange(-reach, size + reach), size)).to(device)


@lru_cache(maxsize=16)
def _kernel(blur: Spreading) -> NDArray[np.float64]:
    return np.asarray(blur.kernel(), dtype=np.float64)
