"""The structure of JPEG files (ITU-T T.81, annex B)."""

import io
import re
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

END, SCAN, APP1 = 0xD9, 0xDA, 0xE1
"""Markers of the end of a picture, of a scan, and of Exif and XMP data."""

_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")  # Behind a scan, 0 is data, and D0 to D7 restart within it.


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields marker and place of the segments of the first picture of a file; the last is its end, if it has one."""
    found = _MARKER.search(data, 2)
    while found is not None:
        yield found[1][0], found.start()
        if found[1][0] == END:
            return
        length = struct.unpack_from(">H", data, found.end())[0] if found.end() + 2 <= len(data) else 0
        found = _MARKER.search(data, found.end() + length)


def ends_early(data: bytes, rows: int) -> bool:
    """Tells whether the last rows of a JPEG with an end mark are filled in because its data end before them.

    More data in front of the mark change nothing in a picture that is complete.

    Args:
        data: the file.
        rows: number of rows at its end that have one colour.
    """
    ends = [place for marker, place in jpeg_segments(data) if marker == END]
    if not ends:
        return False
    # As much again, so that it reaches from where the data end into the rows that are filled in.
    longer = data[: ends[0]] + b"\x35" * len(data) + data[ends[0] :]
    with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(longer)) as more:
        first, second = (np.asarray(one)[-rows:] for one in (image, more))
        return not np.array_equal(first, second)
