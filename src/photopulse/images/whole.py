"""Tells files of pictures that are whole from those that were cut, without decoding them."""

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from PIL import Image

from photopulse.files import open_regular

_TAIL = 64 * 2**10  # Bytes in which the end mark is looked for; some programs write more behind it.
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # Of the strips, and of the tiles of a TIFF.


def is_whole(path: Path) -> bool:
    """Tells whether a file exists, is not empty and, if it is a PNG, JPEG, WebP or TIFF, has its end.

    Files of other formats count as whole.
    """
    with suppress(OSError), open_regular(path) as stream:
        head = stream.read(16)
        if not head.strip(b"\0"):
            return False
        return all(ends(stream) for start, ends in _ENDS if head[: len(start)] == start[: len(head)])
    return False


def _ends_with(mark: bytes) -> Callable[[BinaryIO], bool]:
    def ends(stream: BinaryIO) -> bool:
        stream.seek(max(stream.seek(0, os.SEEK_END) - _TAIL, 0))
        return mark in stream.read()

    return ends


def _riff_ends(stream: BinaryIO) -> bool:
    stream.seek(4)
    length = stream.read(4)
    return len(length) == 4 and struct.unpack("<I", length)[0] + 8 <= stream.seek(0, os.SEEK_END)


def _tiff_ends(stream: BinaryIO) -> bool:
    stream.seek(0)
    with suppress(Exception), Image.open(stream, formats=["TIFF"]) as image:
        tags: Any = cast("Any", image).tag_v2
        (starts,) = (tags[tag] for tag in _OFFSETS if tag in tags)
        (lengths,) = (tags[tag] for tag in _COUNTS if tag in tags)
        ends = [start + length for start, length in zip(starts, lengths, strict=True)]
        return max(ends) <= stream.seek(0, os.SEEK_END)
    return False


_ENDS: tuple[tuple[bytes, Callable[[BinaryIO], bool]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _ends_with(b"IEND\xaeB`\x82")),
    (b"\xff\xd8\xff", _ends_with(b"\xff\xd9")),
    (b"RIFF", _riff_ends),
    (b"II*\0", _tiff_ends),
    (b"MM\0*", _tiff_ends),
)
