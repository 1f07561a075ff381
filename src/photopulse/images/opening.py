"""Opens picture files safely, and explains what is wrong with files that are no readable pictures."""

import io
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from photopulse.errors import PhotopulseError, system_reason

# Formats that Pillow only recognises, or for which it runs another program (EPS: Ghostscript).
_NOT_READ = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})

_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_JPEG_TAIL = 64  # Bytes at the end in which the end mark is looked for; some programs write padding after it.
_LARGEST_MENDED = 256 * 2**20  # Bytes.

_OTHER_FORMATS = (
    (b"<svg", "it is an SVG drawing, not a picture made of pixels", "export it as PNG first"),
    (b"%!PS", "it is a PostScript drawing, not a picture made of pixels", "export it as PNG first"),
    (b"%PDF", "it is a PDF document, not a picture", "export the picture as PNG or JPEG first"),
    (b"ftyphei", "HEIC pictures cannot be read", "convert it to JPEG or PNG first"),
    (b"JXL ", "JPEG XL pictures cannot be read", "convert it to JPEG or PNG first"),
    (b"ftypmif1", "HEIF pictures cannot be read", "convert it to JPEG or PNG first"),
)


_RAW = ("arw", "cr2", "cr3", "crw", "dng", "erf", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "srw")
RAW_SUFFIXES = frozenset(f".{name}" for name in _RAW)
"""Extensions of the raw files of cameras."""


class CutJpeg(io.BytesIO):
    """A truncated JPEG with an added end mark, so that the missing part is decoded as grey."""


def read_formats() -> list[str]:
    """Returns the names of all readable formats: those that Pillow decodes by itself, with the user's plugins."""
    Image.init()
    return [name for name in Image.ID if name not in _NOT_READ]


@contextmanager
def open_image(path: Path, *, max_pixels: int) -> Generator[tuple[ImageFile, BinaryIO], None, None]:
    """Opens a picture: reads its header, checks the pixel limit, and yields the picture and its open file.

    Raises:
        PhotopulseError: if the file cannot be read, is no picture or has more than ``max_pixels``; and for everything
            that a decoder raises inside the block because the file is damaged.
    """
    with _decoding(path):
        # Refuse what is no file with content.
        if not path.is_file():
            path.stat()
            raise refuse(path, why="it is a folder or device, not a file", fix="name a picture file")
        with path.open("rb") as stream:
            head = stream.read(1024)
            if not head:
                raise refuse(path, why="the file is empty", fix="copy it again from its source")
            # Read the header.
            source = _mended(stream, head)
            try:
                image = Image.open(source, formats=read_formats())
            except UnidentifiedImageError:
                raise _unknown(path, head) from None
            with image:
                _check_size(path, image.size, max_pixels)
                # Pictures inside containers (a PNG in an icon) have another size, which Pillow checks when decoding.
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                yield image, source


def picture_size(path: Path, *, max_pixels: int) -> tuple[int, int]:
    """Reads width and height in px from a picture's header, before its EXIF orientation is applied.

    Raises:
        PhotopulseError: as ``open_image``.
    """
    with open_image(path, max_pixels=max_pixels) as (image, _):
        return image.size


def refuse(path: Path, *, why: str, fix: str) -> PhotopulseError:
    """Returns the error for a picture that cannot be read."""
    return PhotopulseError(f"cannot read {path}", why=why, fix=fix)


def _mended(stream: BinaryIO, head: bytes) -> BinaryIO:
    """Returns the file, or a ``CutJpeg`` if it is a JPEG without an end mark."""
    if not head.startswith(_JPEG_START):
        return stream
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(size - _JPEG_TAIL, 0))
    if size > _LARGEST_MENDED or _JPEG_END in stream.read():
        return stream
    stream.seek(0)
    return CutJpeg(stream.read() + _JPEG_END)


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise refuse(path, why=f"it has {width} x {height} pixels", fix="save the picture again")
    if width * height > max_pixels:
        raise refuse(
            path,
            why=f"it has {width} x {height} pixels, more than the allowed {max_pixels:,}",
            fix="make the picture smaller first",
        )


def _unknown(path: Path, head: bytes) -> PhotopulseError:
    """Returns the error for a file of an unknown format, which names well-known formats that cannot be read."""
    for mark, why, fix in _OTHER_FORMATS:
        if mark in head:
            return refuse(path, why=why, fix=fix)
    if path.suffix.lower() in RAW_SUFFIXES:
        return refuse(path, why="raw files of cameras cannot be read", fix="export it as TIFF or JPEG first")
    if head.startswith(b"\xff\x0a"):
        return refuse(path, why="JPEG XL pictures cannot be read", fix="convert it to JPEG or PNG first")
    return refuse(
        path,
        why="it is not a picture in a known format, or its first bytes are damaged",
        fix="save it as PNG or JPEG, or copy it again from its source",
    )


@contextmanager
def _decoding(path: Path) -> Generator[None, None, None]:
    """Turns everything that decoders raise inside the block into PhotopulseError, and hides their warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PhotopulseError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refuse(
            path,
            why="it declares more pixels than can be decoded safely",
            fix="make the picture smaller first",
        ) from error
    except OSError as error:
        fix = "check the path and its permissions" if error.errno else "copy it again from its source"
        raise refuse(path, why=system_reason(error), fix=fix) from error
    # With damaged files, the many decoders raise nearly every kind of exception.
    except Exception as error:
        why = f"its content cannot be decoded ({type(error).__name__}: {error})"
        raise refuse(path, why=why, fix="copy it again from its source") from error
