"""The log of finished results in an output folder: lines of JSON, appended as soon as a result is finished."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from photopulse.errors import PhotopulseError, system_reason

LOG_NAME = ".photopulse.jsonl"
# A row takes about 1 kB, plus 1 kB for each face. Rows further back than this are not read, and their results are
# computed again.
_MAX_BYTES = 256 * 2**20
_MAX_LINE = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the log.

    Attributes:
        command: command that made the output.
        output: path of the output within the folder; None if there is none because the item failed.
        row: the output's row as a JSON object; None marks the earlier rows of this output as outdated, because it is
            about to be made again.
    """

    command: str
    output: str | None
    row: dict[str, Any] | None


class Log:
    """The file ``.photopulse.jsonl`` of a folder: the rows of all commands and runs there, in the order of appending.

    Appending costs the same however long the log is. Two simultaneous runs do not lose each other's lines. Lines that
    are incomplete because a run was killed, or that another version wrote in another form, are skipped.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG_NAME

    def append(self, entries: Iterable[Entry]) -> None:
        """Appends lines; other processes can read them as soon as this returns.

        Raises:
            PhotopulseError: if they cannot be written.
        """
        data = b"".join(_line(entry) for entry in entries)
        try:
            with self.path.open("a+b", buffering=0) as stream:
                if _is_torn(stream):
                    data = b"\n" + data
                # Written in one call, so that lines of another run cannot come between.
                if stream.write(data) != len(data):
                    raise OSError("there is no room left")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def read(self) -> dict[str, Entry]:
        """Returns the last entry of each output, by ``output_id``; an empty dict if there is no log.

        Raises:
            PhotopulseError: if the log cannot be read.
        """
        entries: dict[str, Entry] = {}
        for entry in _entries(self.path):
            if entry.output is not None:
                entries.pop(output_id(entry.output), None)
                if entry.row is not None:
                    entries[output_id(entry.output)] = entry
        return entries


def output_id(output: str) -> str:
    """Folds the case of an output's name, so that names of one file are equal on case-insensitive file systems too."""
    return output.casefold()


def unwritable(path: Path, error: OSError) -> PhotopulseError:
    """Returns the error for a file of the output folder that cannot be written."""
    return PhotopulseError(
        f"cannot write {path}",
        why=system_reason(error),
        fix="choose a folder that can be written to and has room, with -o",
    )


def _line(entry: Entry) -> bytes:
    told = {"command": entry.command, "output": entry.output, "row": entry.row}
    return json.dumps(told).encode("ascii") + b"\n"


def _is_torn(stream: BinaryIO) -> bool:
    """Tells whether the last line is incomplete because a run was killed while it wrote."""
    if stream.seek(0, os.SEEK_END) == 0:
        return False
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) != b"\n"


def _entries(path: Path) -> Iterator[Entry]:
    try:
        if not path.is_file():
            return
        with path.open("rb") as stream:
            for line in _lines(stream, path.stat().st_size):
                entry = _entry(line)
                if entry is not None:
                    yield entry
    except OSError as error:
        why = system_reason(error)
        raise PhotopulseError(f"cannot read {path}", why=why, fix="correct its permissions, or delete it") from error


def _lines(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yields the complete lines among the last ``_MAX_BYTES`` of ``size``; lines over ``_MAX_LINE`` are skipped."""
    begins_a_line = size <= _MAX_BYTES
    stream.seek(max(0, size - _MAX_BYTES))
    while stream.tell() < size:
        line = stream.readline(_MAX_LINE)
        if begins_a_line and line.endswith(b"\n"):
            yield line
        begins_a_line = line.endswith(b"\n")


def _entry(line: bytes) -> Entry | None:
    """Parses a line; None if it is damaged."""
    try:
        told: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    fields = cast("dict[str, Any]", told)
    command, output, row = (fields.get(name) for name in ("command", "output", "row"))
    if isinstance(command, str) and isinstance(output, str | None) and isinstance(row, dict | None):
        return Entry(command=command, output=output, row=cast("dict[str, Any] | None", row))
    return None
