"""The rows of a running command: logged at once, published now and then, and reused by the next run."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from photopulse.errors import PhotopulseError
from photopulse.files import sweep
from photopulse.images.whole import is_whole
from photopulse.runs.log import Entry, Log, output_id, unwritable

Row = TypeVar("Row")
Place = int | tuple[int, int]
"""Place of a row in the order of the items, or of an item and its row; all of a run are of one kind."""
# Least seconds between two publications during a run; they also take at most a twentieth of the run's time.
_PUBLISH_EVERY = 5.0
_SHARE = 20


class RunRows(ABC, Generic[Row]):
    """The rows of a run in the order of its items, whatever the order in which they are finished.

    A row is in the folder's log when ``add`` returns. The published file (``path``), which people and programs read, is
    written every few seconds and when the run ends for any reason. Until the end it also has rows of earlier runs for
    outputs that this run has not reached; at the end it has only the rows of this run. Use it as a context manager.

    Args:
        folder: folder of the log, the published file and the outputs; it is created.
        command: name of the command.
        name: name of the published file.
        resume: whether to reuse the rows of earlier runs of the command.

    Raises:
        PhotopulseError: if the folder cannot be created, or the files of an earlier run cannot be read.
    """

    def __init__(self, folder: Path, command: str, name: str, *, resume: bool) -> None:
        # State: the rows of this run by place, and those of earlier runs that this one has not reached.
        self.path = folder / name
        self._folder = folder
        self.command = command
        self._resume = resume
        self._log = Log(folder)
        self._rows: dict[Place, Row] = {}
        self._publish_at = 0.0
        # Earlier rows of outputs that are being made again, each with the state of its file; and folders swept.
        self._replaced: dict[str, tuple[Entry, tuple[int, int, int] | None]] = {}
        self._swept: set[Path] = set()
        # Read what earlier runs left, in the log or, for folders of earlier versions, in the published file.
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        if resume and not self._log.path.exists():
            self._take_over()
        self._earlier = self._log.read()

    @abstractmethod
    def publish(self, rows: Sequence[Row]) -> None:
        """Writes the published file; PhotopulseError if it cannot be written."""

    @abstractmethod
    def published(self) -> list[Row]:
        """Reads this command's rows from the published file, for folders of earlier versions, which have no log."""

    @abstractmethod
    def output_of(self, row: Row) -> Path | None:
        """Returns the path of a row's output, within the folder; None if it has none."""

    @abstractmethod
    def key_of(self, row: Row) -> str | None:
        """Returns the key of a row's output, see ``runs.keys``."""

    @abstractmethod
    def to_fields(self, row: Row) -> dict[str, Any]:
        """Returns a row as a JSON object."""

    @abstractmethod
    def from_fields(self, fields: dict[str, Any]) -> Row | None:
        """Makes a row from the result of ``to_fields``; None if it is damaged."""

    @property
    def items(self) -> list[Row]:
        """The rows of this run so far, in the order of its items."""
        return [self._rows[place] for place in sorted(self._rows, key=_in_order)]

    def finished(self, output: Path, key: str) -> Row | None:
        """Returns an earlier run's row of an output, if its key is equal and the output is there, whole; else None.

        With None, the output is about to be made again, and its earlier row is first marked in the log as outdated.
        Otherwise, if the run were killed after writing the output but before its row, the next run would use the old
        row for the new output. Where making it again fails, ``close`` logs the earlier row again.

        Raises:
            PhotopulseError: if the log cannot be written.
        """
        name = self._name(output)
        row = self._row(self._earlier.get(output_id(name)))
        self._sweep(output.parent)
        if row is not None and self._resume and self.key_of(row) == key and is_whole(output):
            return row
        if (entry := self._earlier.pop(output_id(name), None)) is not None:
            self._replaced[output_id(name)] = entry, _state(output)
            self._log.append([Entry(command=self.command, output=name, row=None)])
        return None

    def earlier(self, output: Path) -> Row | None:
        """Returns the last row of an output in earlier runs of the command; None if there is none."""
        return self._row(self._earlier.get(output_id(self._name(output))))

    @property
    def earlier_outputs(self) -> dict[Path, Row]:
        """The last rows in earlier runs of the command, by output, of all outputs that this run has not reached."""
        rows = {self._folder / (entry.output or ""): self._row(entry) for entry in self._earlier.values()}
        return {output: row for output, row in rows.items() if row is not None}

    def keep(self, place: Place, row: Row) -> None:
        """Adds a row of an earlier run, which is in the log already, at its place in the order of the items."""
        self._rows[place] = row
        self._met(row)

    def add(self, place: Place, row: Row) -> None:
        """Adds a new row at its place in the order of the items, and logs it.

        Raises:
            PhotopulseError: if a file cannot be written.
        """
        self._rows[place] = row
        self._met(row)
        self._log.append([self._entry(row)])
        if time.monotonic() >= self._publish_at:
            self._publish_meanwhile()

    def close(self) -> list[Row]:
        """Publishes only the rows of this run, and returns them; logs again the rows whose outputs stayed as they were.

        Raises:
            PhotopulseError: if the file cannot be written.
        """
        self._log_again()
        self.publish(self.items)
        return self.items

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(PhotopulseError):  # The user must see the error that ended the run.
                self._log_again()
                self._publish_meanwhile()

    def _publish_meanwhile(self) -> None:
        started = time.monotonic()
        self.publish([*self.items, *self._not_reached()])
        taken = time.monotonic() - started
        self._publish_at = time.monotonic() + max(_PUBLISH_EVERY, _SHARE * taken)

    def _not_reached(self) -> list[Row]:
        """Returns the rows of earlier runs whose outputs exist and have not been reached by this run."""
        if not self._resume:
            return []
        rows = (self._row(entry) for entry in self._earlier.values() if (self._folder / (entry.output or "")).is_file())
        return [row for row in rows if row is not None]

    def _met(self, row: Row) -> None:
        output = self.output_of(row)
        if output is not None:
            self._earlier.pop(output_id(self._name(output)), None)
            self._replaced.pop(output_id(self._name(output)), None)

    def _log_again(self) -> None:
        """Logs the earlier rows of outputs that were to be made again, but are still the files that they were."""
        kept = [
            entry
            for entry, state in self._replaced.values()
            if state is not None and state == _state(self._folder / (entry.output or ""))
        ]
        self._replaced.clear()
        if kept:
            self._log.append(kept)

    def _sweep(self, folder: Path) -> None:
        if folder not in self._swept:
            self._swept.add(folder)
            sweep(folder)

    def _take_over(self) -> None:
        """Begins the log with the rows that an earlier version published."""
        entries = [self._entry(row) for row in self.published() if self.output_of(row) is not None]
        if entries:
            self._log.append(entries)

    def _entry(self, row: Row) -> Entry:
        output = self.output_of(row)
        name = None if output is None else self._name(output)
        return Entry(command=self.command, output=name, row=self.to_fields(row))

    def _row(self, entry: Entry | None) -> Row | None:
        """Returns the row of an entry; None if it is another command's, outdated or damaged."""
        if entry is None or entry.row is None or entry.command != self.command:
            return None
        return self.from_fields(entry.row)

    def _name(self, output: Path) -> str:
        """Returns an output's path within the folder; the bare name if the folder has moved since the row was made."""
        return output.relative_to(self._folder).as_posix() if output.is_relative_to(self._folder) else output.name


def _in_order(place: Place) -> tuple[int, int]:
    return (place, 0) if isinstance(place, int) else place


def _state(path: Path) -> tuple[int, int, int] | None:
    """Returns what changes when a file is replaced: its number, its size and the time of its last change."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
