"""What was finished in a folder: lines of JSON, appended at once, so that nothing is lost whatever ends a run."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from photopulse.errors import PhotopulseError, system_reason

LOG_NAME = ".photopulse.jsonl"
# A row takes about 1 kB, and another 1 kB for each face. What lies further back than this is done anew.
_MAX_BYTES = 256 * 2**20
_MAX_LINE = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the log.

    Attributes:
        command: that made the output.
        output: the output's path within the folder; None if there is none, as it failed.
        row: what became of it, as JSON holds it; None when the output is about to be made anew, so that what earlier
            lines say of it holds no longer.
    """

    command: str
    output: str | None
    row: dict[str, Any] | None


class Log:
    """``.photopulse.jsonl`` of a folder: the rows of all commands and all runs there, in the order of their arrival.

    An append costs the same however long the log is. Two runs at once do not lose each other's lines. A line that
    was torn when a run was killed, or that another version wrote in another way, is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG_NAME

    def append(self, entries: Iterable[Entry]) -> None:
        """Adds lines, which another process can read at once.

        Raises:
            PhotopulseError: if they cannot be written.
        """
        data = b"".join(_line(entry) for entry in entries)
        try:
            with self.path.open("a+b", buffering=0) as stream:
                if _is_torn(stream):
                    data = b"\n" + data
                # In one call, so that the lines of another run do not come between.
                if stream.write(data) != len(data):
                    raise OSError("there is no room left")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def read(self) -> dict[str, Entry]:
        """Returns what is said last of each output, by its name as ``output_id`` makes it; nothing without a log."""
        entries: dict[str, Entry] = {}
        for entry in _entries(self.path):
            if entry.output is not None:
                entries.pop(output_id(entry.output), None)
                if entry.row is not None:
                    entries[output_id(entry.output)] = entry
        return entries


def output_id(output: str) -> str:
    """Names an output so that two names of one file are equal where the case of letters does not count."""
    return output.casefold()


def unwritable(path: Path, error: OSError) -> PhotopulseError:
    """Words why a file of the output folder cannot be written."""
    return PhotopulseError(
        f"cannot write {path}",
        why=system_reason(error),
        fix="choose a folder that can be written to and has room, with -o",
    )


def _line(entry: Entry) -> bytes:
    told = {"command": entry.command, "output": entry.output, "row": entry.row}
    return json.dumps(told).encode("ascii") + b"\n"


def _is_torn(stream: BinaryIO) -> bool:
    """Says whether a run was killed in the middle of the last line."""
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
        raise PhotopulseError(f"cannot read {path}", why=why, fix="mend its permissions, or delete it") from error


def _lines(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """The whole lines among the last ``_MAX_BYTES`` of ``size``, but none longer than ``_MAX_LINE``."""
    begins_a_line = size <= _MAX_BYTES
    stream.seek(max(0, size - _MAX_BYTES))
    while stream.tell() < size:
        line = stream.readline(_MAX_LINE)
        if begins_a_line and line.endswith(b"\n"):
            yield line
        begins_a_line = line.endswith(b"\n")


def _entry(line: bytes) -> Entry | None:
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
