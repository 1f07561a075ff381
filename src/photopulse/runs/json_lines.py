"""Files of JSON lines that are only appended to: what is appended survives the end of the process, however it ends."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import open_regular

# A row of a run takes about 1 kB, plus 1 kB for each face. What lies further back than this is not read.
_MAX_BYTES = 256 * 2**20
_MAX_LINE = 4 * 2**20


def append_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Appends a line of JSON for each object; other processes can read them as soon as this returns.

    Lines that other processes append at the same time are not lost, and a line that is incomplete because a process was
    killed spoils no other.

    Raises:
        OSError: if they cannot be written.
    """
    data = b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines)
    with path.open("a+b", buffering=0) as stream:
        if _is_torn(stream):
            data = b"\n" + data
        # Written in one call, so that lines of another process cannot come between.
        if stream.write(data) != len(data):
            raise OSError("there is no room left")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the objects of a file in their order, none if there is no file; damaged and incomplete lines are skipped.

    Raises:
        PhotopulseError: if the file cannot be read.
    """
    try:
        if not path.is_file():
            return
        with open_regular(path) as stream:
            for line in _complete_lines(stream, os.fstat(stream.fileno()).st_size):
                told = _object(line)
                if told is not None:
                    yield told
    except OSError as error:
        why = system_reason(error)
        raise PhotopulseError(f"cannot read {path}", why=why, fix="correct its permissions, or delete it") from error


def _is_torn(stream: BinaryIO) -> bool:
    """Tells whether the last line is incomplete because a process was killed while it wrote."""
    if stream.seek(0, os.SEEK_END) == 0:
        return False
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) != b"\n"


def _complete_lines(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yields the complete lines among the last ``_MAX_BYTES`` of ``size``; lines over ``_MAX_LINE`` are skipped."""
    begins_a_line = size <= _MAX_BYTES
    stream.seek(max(0, size - _MAX_BYTES))
    while stream.tell() < size:
        line = stream.readline(_MAX_LINE)
        if begins_a_line and line.endswith(b"\n"):
            yield line
        begins_a_line = line.endswith(b"\n")


def _object(line: bytes) -> dict[str, Any] | None:
    """Parses a line; None if it is damaged."""
    try:
        told: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", told) if isinstance(told, dict) else None
