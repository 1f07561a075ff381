"""Raw files of cameras, by rawpy (LibRaw)."""

import io
from typing import BinaryIO

import numpy as np
import rawpy
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

_SRGB_CURVE = (2.4, 12.92)


class _RawPicture(ImageFile):
    """A raw file's size, and what it says of camera and exposure; its pixels are to be ``developed``."""

    format = "RAW"

    def _open(self) -> None:
        if self.fp is None:
            raise ValueError("the file is closed")
        self._data = self.fp.read()
        with rawpy.imread(io.BytesIO(self._data)) as raw:
            self._size = (raw.sizes.raw_width, raw.sizes.raw_height)
        self._mode = "RGB"

    def getexif(self) -> Image.Exif:
        """Raises for raw files that are not built like a TIFF: where they keep such words is each maker's own."""
        exif = Image.Exif()
        exif.load(self._data)
        return exif


def open_picture(stream: BinaryIO) -> ImageFile:
    """Reads the header of a raw file."""
    return _RawPicture(stream)


def developed(data: bytes) -> NDArray[np.uint16]:
    """Decodes a raw file to sRGB (H, W, 3), 0 to 65535, upright.

    With the camera's white balance, and no brighter than it was exposed.
    """
    with rawpy.imread(io.BytesIO(data)) as raw:
        pixels = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=_SRGB_CURVE, output_bps=16)
    channels = np.atleast_3d(pixels).astype(np.uint16)
    return channels if channels.shape[2] == 3 else np.repeat(channels[..., :1], 3, axis=2)
