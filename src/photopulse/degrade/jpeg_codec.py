"""The JPEG codec: compresses and decompresses pictures with Pillow on the CPU."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_HALF_CHROMA = 2  # Pillow's number for 4:2:0.


def compressed(image: Tensor, quality: int) -> Tensor:
    """Rounds (B, 3, H, W) to 8 bits, compresses at libjpeg's ``quality`` and decompresses; no gradients.

    Values are clamped to [0, 1]. Chroma is subsampled (4:2:0). Device and dtype stay the same.
    """
    pixels = (image.detach().float().clamp(0, 1) * 255 + 0.5).to("cpu", torch.uint8)
    decoded = np.stack([_round_trip(picture.permute(1, 2, 0).numpy(), quality) for picture in pixels])
    return (torch.as_tensor(decoded).permute(0, 3, 1, 2).float() / 255).to(image)


def _round_trip(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=_HALF_CHROMA)
    with Image.open(buffer) as decoded:
        return np.asarray(decoded)
