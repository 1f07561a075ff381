"""Reads HEIC and HEIF pictures with pillow-heif."""

import io
from typing import Any, BinaryIO, cast

import numpy as np
import pillow_heif  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile


def open_picture(stream: BinaryIO) -> ImageFile:
    """Reads the header of a picture; the decoder turns it upright."""
    return cast(ImageFile, cast("Any", pillow_heif).HeifImageFile(stream))


def deep_channels(image: ImageFile, data: bytes) -> NDArray[np.uint16] | None:
    """Decodes a picture of more than 8 bits to (H, W, 3 or 4), 0 to 65535; None for other pictures."""
    bits = cast("int", image.info["bit_depth"])
    if bits <= 8 or image.mode not in {"L", "RGB", "RGBA"}:
        return None
    file = cast("Any", pillow_heif).open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    steps = np.asarray(file)
    channels = np.repeat(steps[..., None], 3, axis=2) if steps.ndim == 2 else steps
    return np.rint(channels.astype(np.float64) * (65535 / (2**bits - 1))).astype(np.uint16)
