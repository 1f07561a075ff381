"""Limits on what a picture file may cost to read: small files can be made that take minutes to decode."""

import io
import re
import time
from typing import BinaryIO

from photopulse.images.jpeg import APP1, SCAN, jpeg_segments

MOST_SECONDS = 120.0
"""Seconds that reading a file may take."""

_MOST_SCANS = 100  # Programs write about 10; each of them passes over the whole picture.
_MOST_SEGMENTS = 4000  # Depth maps and animations inside the metadata take hundreds.
_MOST_EXIF_SEGMENTS = 64  # Pillow copies all earlier ones with each.

_LONGEST_HEADER = 64 * 2**10
_PORTABLE = re.compile(rb"P[1-7fFy]")
_TWO_NUMBERS = re.compile(rb"P\w+(?:(?:\s|#[^\r\n]*[\r\n])+\d+){2}")


class TimedFile(io.BufferedIOBase):
    """A file that refuses to be read for more than ``seconds``; decoders in Python ask it for bytes all the time."""

    def __init__(self, file: BinaryIO, *, seconds: float = MOST_SECONDS) -> None:
        self._file = file
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        self._check_time()
        return self._file.read(-1 if size is None else size)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._check_time()
        return self._file.readline(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._check_time()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _check_time(self) -> None:
        if time.monotonic() > self._end:
            raise ValueError(f"decoding it takes more than {self._seconds:g} seconds")


def check_cost(stream: BinaryIO, head: bytes) -> None:
    """Raises ValueError for a JPEG or a portable pixmap (PPM) that is made to take minutes to decode.

    Args:
        stream: the file, whose position is restored.
        head: its first bytes.
    """
    place = stream.tell()
    if head.startswith(b"\xff\xd8\xff"):
        stream.seek(0)
        _check_jpeg(stream.read())
    elif _PORTABLE.match(head) and b"#" in head:
        # Pillow reads the header byte by byte, with its comments.
        stream.seek(0)
        if _TWO_NUMBERS.match(stream.read(_LONGEST_HEADER)) is None:
            raise ValueError(f"its header has comments of more than {_LONGEST_HEADER:,} bytes")
    stream.seek(place)


def _check_jpeg(data: bytes) -> None:
    exif = scans = 0
    for segments, (marker, place) in enumerate(jpeg_segments(data), start=1):
        scans += marker == SCAN
        exif += marker == APP1 and data.startswith(b"Exif\0", place + 4)
        for count, most, what in (
            (segments, _MOST_SEGMENTS, "segments"),
            (scans, _MOST_SCANS, "scans"),
            (exif, _MOST_EXIF_SEGMENTS, "Exif segments"),
        ):
            if count > most:
                raise ValueError(f"it has more than {most} {what}")
