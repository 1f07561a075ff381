"""Reads pictures that callers pass as a file, its bytes, or pixels in any of the usual forms."""

from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from photopulse.images.opening import GIVEN, check_size, refuse
from photopulse.images.read import MAX_PIXELS, Photo, read_image, read_picture

ImageLike = str | Path | bytes | BinaryIO | Image.Image | NDArray[Any] | Tensor
"""A picture: its path, the bytes of its file, the file opened in binary mode, a picture of Pillow's, or pixels.

An array of pixels is (H, W, C), or (H, W) if grey; a tensor is (1, C, H, W) or (C, H, W), or (H, W) if grey. C is 1
(grey), 2 (grey and opacity), 3 (RGB) or 4 (RGB and opacity). Pixels are sRGB, as uint8 (0 to 255), uint16 (0 to
65535) or floats (0 to 1; values up to 0.5 beyond are clipped).
"""

_MOST_BYTES = 512 * 2**20  # Bytes that are read of an open file.
_FULL = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
_FARTHEST = 0.5  # Beyond [0, 1]: filters overshoot a little, and pixels in [0, 255] lie much farther away.


def read_given(picture: ImageLike, *, own_colours: bool = False) -> tuple[str, Photo]:
    """Returns a picture's name for messages, and the picture; ``own_colours`` as in ``read_image``.

    Raises:
        PhotopulseError: if the picture cannot be read or is too large.
        ValueError: if given pixels have another shape, type or range than those of ``ImageLike``.
        TypeError: if it is no ``ImageLike``.
    """
    if isinstance(picture, str | Path):
        return str(picture), read_image(Path(picture), own_colours=own_colours)
    if isinstance(picture, Tensor):
        return GIVEN, _photo(_channels_last(picture))
    if isinstance(picture, np.ndarray):
        return GIVEN, _photo(picture)
    if isinstance(picture, Image.Image):
        return GIVEN, read_picture(picture, own_colours=own_colours)
    return GIVEN, read_image(_content(picture), own_colours=own_colours)


def read_pixels(picture: ImageLike) -> tuple[str, Tensor]:
    """Returns a picture's name for messages, and its pixels (1, 3, H, W) in [0, 1], sRGB, with a white background.

    Raises:
        PhotopulseError: if the picture cannot be read or is too large.
        ValueError: if given pixels have another shape, type or range than those of ``ImageLike``.
        TypeError: if it is no ``ImageLike``.
    """
    name, photo = read_given(picture)
    if photo.alpha is None:
        return name, photo.pixels
    return name, photo.pixels * photo.alpha + (1 - photo.alpha)


def _content(given: object) -> bytes:
    """Returns the bytes of a file that is given as bytes or open."""
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(cast("bytes", given))
    if not hasattr(given, "read"):
        kinds = "a path, bytes, an open file, a PIL image, an array or a tensor"
        raise TypeError(f"a picture is {kinds}, not a {type(given).__name__}")
    try:
        # What was just written into a buffer is read from its beginning, as Pillow does.
        if cast(Any, given).seekable():
            cast(Any, given).seek(0)
        content = cast(Any, given).read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise refuse(GIVEN, why=str(error), fix="give an open file") from error
    if not isinstance(content, bytes):
        raise TypeError("the file is open as text: open it with 'rb'")
    if len(content) > _MOST_BYTES:
        most = f"{_MOST_BYTES // 2**20} MiB"
        raise refuse(GIVEN, why=f"it has more than the allowed {most}", fix="make the picture smaller first")
    return content


def _channels_last(pixels: Tensor) -> NDArray[Any]:
    """Rearranges (1, C, H, W) and (C, H, W) to (H, W, C); (H, W) stays."""
    told = tuple(pixels.shape)
    planes = pixels.detach().cpu()
    if planes.is_floating_point():
        planes = planes.float()
    if planes.ndim == 4 and len(planes) == 1:
        planes = planes[0]
    if planes.ndim == 3 and len(planes) <= 4:
        planes = planes.permute(1, 2, 0)
    elif planes.ndim != 2:
        raise ValueError(f"pixels of a tensor must be (1, C, H, W), (C, H, W) or (H, W), C from 1 to 4, not {told}")
    return planes.numpy()


def _photo(pixels: NDArray[Any]) -> Photo:
    """Makes a photo of pixels (H, W, C) or (H, W)."""
    # Check the shape and the size.
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    if planes.ndim != 3 or not 1 <= planes.shape[2] <= 4:
        raise ValueError(f"pixels of an array must be (H, W, C) or (H, W), C from 1 to 4, not {pixels.shape}")
    check_size(GIVEN, (planes.shape[1], planes.shape[0]), MAX_PIXELS)
    # Separate the colours from the alpha channel: 1 or 3 channels have none, 2 or 4 have one.
    values = torch.from_numpy(np.ascontiguousarray(_in_unit(planes).transpose(2, 0, 1)))[None]
    gray, opaque = planes.shape[2] < 3, planes.shape[2] % 2 == 1
    colours = values if opaque else values[:, :-1]
    return Photo(
        pixels=colours.repeat(1, 3, 1, 1) if gray else colours.clone(),
        alpha=None if opaque else values[:, -1:].clone(),
        gray=gray,
        bits=16 if planes.dtype == np.uint16 else 8,
        icc_profile=None,
        exif=None,
    )


def _in_unit(planes: NDArray[Any]) -> NDArray[np.float32]:
    """Converts pixels to float32 in [0, 1]."""
    full = _FULL.get(planes.dtype)
    if full is not None:
        return planes.astype(np.float32) / np.float32(full)
    if planes.dtype.kind != "f":
        raise ValueError(f"pixels must be uint8, uint16 or floats, not {planes.dtype}")
    lowest, highest = float(planes.min()), float(planes.max())
    # Written so that NaN is refused, too.
    if not (lowest >= -_FARTHEST and highest <= 1 + _FARTHEST):
        raise ValueError(f"pixels that are floats must be in [0, 1], and these are in [{lowest:g}, {highest:g}]")
    return np.clip(planes.astype(np.float32), 0, 1)
