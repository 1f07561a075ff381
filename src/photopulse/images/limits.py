"""Limits on what a picture file may cost to read: small files can be made that take minutes to decode."""

import io
import re
import struct
import time
from typing import BinaryIO

MOST_SECONDS = 120.0
"""Seconds that reading a file may take."""

_MOST_SCANS = 100  # Programs write about 10; each of them passes over the whole picture.
_MOST_SEGMENTS = 4000  # Depth maps and animations inside the metadata take hundreds.
_MOST_EXIF_SEGMENTS = 64  # Pillow copies all earlier ones with each.
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")  # Behind a scan, 0 is data, and D0 to D7 restart within it.
_END, _SCAN, _EXIF = 0xD9, 0xDA, 0xE1

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
    """Counts segments and scans (ITU-T T.81, annex B) of the first picture of a file."""
    segments = exif = scans = 0
    found = _MARKER.search(data, 2)
    while found is not None and found[1][0] != _END:
        segments += 1
        scans += found[1][0] == _SCAN
        exif += found[1][0] == _EXIF and data.startswith(b"Exif\0", found.end() + 2)
        for count, most, what in (
            (segments, _MOST_SEGMENTS, "segments"),
            (scans, _MOST_SCANS, "scans"),
            (exif, _MOST_EXIF_SEGMENTS, "Exif segments"),
        ):
            if count > most:
                raise ValueError(f"it has more than {most} {what}")
        length = struct.unpack_from(">H", data, found.end())[0] if found.end() + 2 <= len(data) else 0
        found = _MARKER.search(data, found.end() + length)
