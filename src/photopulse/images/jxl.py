"""Reads JPEG XL pictures with pillow-jxl-plugin, and their sizes without it, because it decodes on opening."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from pillow_jxl.JpegXLImagePlugin import JXLImageFile

_CODESTREAM = b"\xff\x0a"
_SIZE_BYTES = 16  # Of the codestream, more than its size takes.
_SIDE_BITS = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # Width to height, from 1 on.


class _JxlPicture(ImageFile):
    """A picture of which only the size is known until it is loaded by the plug-in."""

    format = "JXL"

    def _open(self) -> None:
        self._data = _stream(self).read()
        self._size = _stored_size(self._data)
        self._mode = "RGB"

    def load(self) -> "Image.core.PixelAccess | None":
        if self._im is None:
            with JXLImageFile(io.BytesIO(self._data)) as decoded:
                if sorted(decoded.size) != sorted(self.size):
                    raise ValueError(f"it has {decoded.size} pixels, but declares {self.size}")
                decoded.load()
                self._size, self._mode, self.info, self.im = decoded.size, decoded.mode, decoded.info, decoded.im
                if not decoded.jpeg:
                    self._forget_orientation()  # The decoder applied it, except to a JPEG that was recompressed.
            for kind, content in _boxes(self._data):
                if kind == b"xml ":
                    self.info["xmp"] = content
        return super().load()

    def _forget_orientation(self) -> None:
        exif = self.getexif()
        if exif.pop(ExifTags.Base.Orientation, None) is not None:
            self.info["exif"] = exif.tobytes()


def open_picture(stream: BinaryIO) -> ImageFile:
    """Reads the size of a picture."""
    return _JxlPicture(stream)


def _stream(image: ImageFile) -> BinaryIO:
    if image.fp is None:
        raise ValueError("the file is closed")
    return image.fp  # pyright: ignore[reportReturnType]


def _stored_size(data: bytes) -> tuple[int, int]:
    """Returns width and height from the first field of the codestream (ISO/IEC 18181-1, SizeHeader)."""
    bits = _Bits(_codestream(data)[len(_CODESTREAM) : _SIZE_BYTES])
    is_small = bits.take(1)
    height = _side(bits, is_small=is_small)
    ratio = bits.take(3)
    if ratio == 0:
        return _side(bits, is_small=is_small), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _side(bits: "_Bits", *, is_small: int) -> int:
    return 8 * (bits.take(5) + 1) if is_small else bits.take(_SIDE_BITS[bits.take(2)]) + 1


class _Bits:
    """Reads numbers from bytes, lowest bits first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        taken, self._left = self._left & (1 << count) - 1, self._left >> count
        return taken


def _codestream(data: bytes) -> bytes:
    """Returns the first bytes of the codestream, from its container if there is one; ValueError if there is none."""
    if data.startswith(_CODESTREAM):
        return data[:_SIZE_BYTES]
    start = b""
    for kind, content in _boxes(data):
        if kind in {b"jxlc", b"jxlp"} and len(start) < _SIZE_BYTES:
            start += content[4 if kind == b"jxlp" else 0 :][:_SIZE_BYTES]  # A part begins with its number, 4 bytes.
    if not start.startswith(_CODESTREAM):
        raise ValueError("it holds no picture")
    return start


def _boxes(data: bytes) -> Iterator[tuple[bytes, memoryview | bytes]]:
    """Yields kind and content of the container's boxes (ISO/IEC 14496-12, 4.2); nothing if there is no container."""
    place = 0 if data[4:8] == b"JXL " else len(data)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if length == 1:
            (length,), head = struct.unpack_from(">Q", data, place + 8), 16
        end = place + length if length else len(data)
        if end < place + head or end > len(data):
            raise ValueError("a box reaches beyond the end of the file")
        yield kind, data[place + head : end]
        place = end
