"""The log of finished results in an output folder: lines of JSON, appended as soon as a result is finished."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from photopulse.errors import PhotopulseError, system_reason
from photopulse.runs.json_lines import append_lines, read_lines

LOG_NAME = ".photopulse.jsonl"


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
        try:
            append_lines(self.path, [vars(entry) for entry in entries])
        except OSError as error:
            raise unwritable(self.path, error) from error

    def read(self) -> dict[str, Entry]:
        """Returns the last entry of each output, by ``output_id``; an empty dict if there is no log.

        Raises:
            PhotopulseError: if the log cannot be read.
        """
        entries: dict[str, Entry] = {}
        for entry in map(_entry, read_lines(self.path)):
            if entry is not None and entry.output is not None:
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


def _entry(fields: dict[str, Any]) -> Entry | None:
    """Makes an entry of a line's object; None if it is damaged."""
    command, output, row = (fields.get(name) for name in ("command", "output", "row"))
    if isinstance(command, str) and isinstance(output, str | None) and isinstance(row, dict | None):
        return Entry(command=command, output=output, row=cast("dict[str, Any] | None", row))
    return None
