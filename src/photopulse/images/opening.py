"""Opens picture files safely, and explains what is wrong with files that are no readable pictures."""

import io
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from photopulse.errors import PhotopulseError, is_out_of_memory, memory_full, system_reason
from photopulse.files import open_regular
from photopulse.images.limits import TimedFile, check_cost
from photopulse.images.packaged import HOW_TO_READ, packaged_format

# Formats that Pillow only recognises, or for which it runs another program (EPS: Ghostscript).
_NOT_READ = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})

_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_JPEG_TAIL = 64  # Bytes at the end in which the end mark is looked for; some programs write padding after it.
_LARGEST_MENDED = 256 * 2**20  # Bytes.
_LARGEST_PACKAGED = 512 * 2**20  # Bytes of a file that is read completely before it is decoded.
_HEAD = 4096  # Bytes by which the format is recognised.

_OTHER_FORMATS = (
    (b"<svg", "it is an SVG drawing, not a picture made of pixels", "export it as PNG first"),
    (b"%!PS", "it is a PostScript drawing, not a picture made of pixels", "export it as PNG first"),
    (b"%PDF", "it is a PDF document, not a picture", "export the picture as PNG or JPEG first"),
    (b"ftypavif", "it is damaged, or this version of Pillow reads no AVIF", "update it: pip install -U pillow"),
)

GIVEN = "the given picture"
"""Name in messages of a picture that has no path."""


class CutJpeg(io.BytesIO):
    """A truncated JPEG with an added end mark, so that the missing part is decoded as grey."""


def read_formats() -> list[str]:
    """Returns the names of all readable formats: those that Pillow decodes by itself, with the user's plugins."""
    Image.init()
    return [name for name in Image.ID if name not in _NOT_READ]


@contextmanager
def open_image(source: Path | bytes, *, max_pixels: int) -> Generator[tuple[ImageFile, BinaryIO], None, None]:
    """Opens a picture: reads its header, checks the pixel limit, and yields the picture and its open file.

    Raises:
        PhotopulseError: if the file cannot be read, is no picture or has more than ``max_pixels``; and for everything
            that a decoder raises inside the block because the file is damaged.
    """
    name = name_of(source)
    with decoding(name), _opened(source) as stream:
        head = stream.read(_HEAD)
        if not head:
            raise refuse(name, why="the file is empty", fix="copy it again from its source")
        file = _mended(stream, head)
        check_cost(file, head)
        with _identified(name, file, head) as image:
            check_size(name, image.size, max_pixels)
            yield image, file
            # Pictures inside containers (a PNG in an icon) have another size, which Pillow limits less strictly.
            check_size(name, image.size, max_pixels)


def picture_size(path: Path, *, max_pixels: int) -> tuple[int, int]:
    """Reads width and height in px from a picture's header, before its EXIF orientation is applied.

    Raises:
        PhotopulseError: as ``open_image``.
    """
    with open_image(path, max_pixels=max_pixels) as (image, _):
        return image.size


def name_of(source: Path | bytes) -> str:
    """Returns a picture's name for messages."""
    return GIVEN if isinstance(source, bytes) else str(source)


def refuse(name: str, *, why: str, fix: str) -> PhotopulseError:
    """Returns the error for a picture that cannot be read."""
    return PhotopulseError(f"cannot read {name}", why=why, fix=fix)


@contextmanager
def _opened(source: Path | bytes) -> Generator[BinaryIO, None, None]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    with open_regular(source) as stream:
        yield stream


def _identified(name: str, stream: BinaryIO, head: bytes) -> ImageFile:
    """Reads the header with the package that reads the format: Pillow, or one of the extra ``formats``."""
    # Let Pillow read what no extra package reads.
    packaged = packaged_format(head, Path(name).suffix)
    if packaged is None:
        try:
            return Image.open(cast(BinaryIO, TimedFile(stream)), formats=read_formats())
        except UnidentifiedImageError:
            raise _unknown(name, head) from None
    # Refuse a format whose package is missing, and a file too large for it.
    if not packaged.is_read:
        raise refuse(
            name, why=f"{packaged.name} are read by a package that is not installed", fix=f"install it: {HOW_TO_READ}"
        )
    if stream.seek(0, os.SEEK_END) > _LARGEST_PACKAGED:
        most = f"{_LARGEST_PACKAGED // 2**20} MiB"
        raise refuse(name, why=f"it has more than the allowed {most}", fix="convert it to PNG or JPEG first")
    stream.seek(0)
    return packaged.open(stream)


def _mended(stream: BinaryIO, head: bytes) -> BinaryIO:
    """Returns the file, or a ``CutJpeg`` if it is a JPEG without an end mark."""
    if not head.startswith(_JPEG_START):
        return stream
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(size - _JPEG_TAIL, 0))
    if size > _LARGEST_MENDED or _JPEG_END in stream.read():
        return stream
    stream.seek(0)
    # An interrupted copy or download often ends in zeros.
    data = stream.read().rstrip(b"\0")
    return stream if data.endswith(_JPEG_END) else CutJpeg(data + _JPEG_END)


def check_size(name: str, size: tuple[int, int], max_pixels: int) -> None:
    """Raises PhotopulseError for a picture without pixels, or with more than the limit."""
    width, height = size
    if width < 1 or height < 1:
        raise refuse(name, why=f"it has {width} x {height} pixels", fix="save the picture again")
    if width * height > max_pixels:
        raise refuse(
            name,
            why=f"it has {width} x {height} pixels, more than the allowed {max_pixels:,}",
            fix="make the picture smaller first",
        )


def _unknown(name: str, head: bytes) -> PhotopulseError:
    """Returns the error for a file of an unknown format, which names well-known formats that cannot be read."""
    for mark, why, fix in _OTHER_FORMATS:
        if mark in head:
            return refuse(name, why=why, fix=fix)
    return refuse(
        name,
        why="it is not a picture in a known format, or its first bytes are damaged",
        fix="save it as PNG or JPEG, or copy it again from its source",
    )


@contextmanager
def decoding(name: str) -> Generator[None, None, None]:
    """Turns everything that decoders raise inside the block into PhotopulseError.

    Their warnings are left to the program, because Python can hide warnings only for all threads at once.
    """
    try:
        yield
    except PhotopulseError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refuse(
            name,
            why="it declares more pixels than can be decoded safely",
            fix="make the picture smaller first",
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise memory_full(f"cannot read {name}") from error
        raise _undecodable(name, error) from error


def _undecodable(name: str, error: Exception) -> PhotopulseError:
    if isinstance(error, OSError):
        fix = "check the path and its permissions" if error.errno else "copy it again from its source"
        return refuse(name, why=system_reason(error), fix=fix)
    # With damaged files, the many decoders raise nearly every kind of exception.
    why = f"its content cannot be decoded ({type(error).__name__}: {error})"
    return refuse(name, why=why, fix="copy it again from its source")
