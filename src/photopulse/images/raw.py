"""Reads raw files of cameras with rawpy (LibRaw)."""

import io
from typing import BinaryIO

import numpy as np
import rawpy
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

_SRGB_CURVE = (2.4, 12.92)


class _RawPicture(ImageFile):
    """A raw file's size and EXIF data; its pixels come from ``developed``."""

    format = "RAW"

    def _open(self) -> None:
        if self.fp is None:
            raise ValueError("the file is closed")
        self._data = self.fp.read()
        with rawpy.imread(io.BytesIO(self._data)) as raw:
            self._size = (raw.sizes.raw_width, raw.sizes.raw_height)
        self._mode = "RGB"

    def getexif(self) -> Image.Exif:
        """Returns the EXIF data of a raw file that has the structure of a TIFF; raises an exception for others."""
        exif = Image.Exif()
        exif.load(self._data)
        return exif


def open_picture(stream: BinaryIO) -> ImageFile:
    """Reads the header of a raw file."""
    return _RawPicture(stream)


def developed(data: bytes) -> NDArray[np.uint16]:
    """Decodes a raw file to sRGB (H, W, 3), 0 to 65535, upright, with the camera's white balance.

    The brightness is that of the exposure; LibRaw does not adjust it.
    """
    with rawpy.imread(io.BytesIO(data)) as raw:
        pixels = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=_SRGB_CURVE, output_bps=16)
    channels = np.atleast_3d(pixels).astype(np.uint16)
    return channels if channels.shape[2] == 3 else np.repeat(channels[..., :1], 3, axis=2)
