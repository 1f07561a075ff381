"""Blurs as differentiable convolutions: the same results as ``photopulse.degrade.blur``, with exact gradients."""

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
    """A blur that is defined by its kernel."""

    def kernel(self) -> NDArray[np.floating]:
        """Returns the weights: a matrix with odd sides that is symmetric under a half turn."""
        ...


def spread(image: Tensor, blur: Spreading) -> Tensor:
    """Blurs (B, C, H, W) as ``blur`` does, differentiably, on the image's device and in its dtype.

    It uses the Fourier transform, so wide kernels cost no more than narrow ones; a kernel may be larger than the image.
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
    # The circular convolution wraps around in its first taps - 1 rows and columns, which are cut off.
    return blurred[..., taps[0] - 1 :, taps[1] - 1 :][..., :height, :width].to(image.dtype)


# Cached tensors that were created in inference mode could not be used in a later backward pass.
@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _response(blur: Spreading, sizes: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Computes the kernel's Fourier transform; kernels are symmetric, so correlation and convolution are the same."""
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
