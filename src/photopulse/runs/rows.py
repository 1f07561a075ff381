"""The rows of a running command: logged at once, published now and then, taken over by the next run."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from photopulse.errors import PhotopulseError
from photopulse.runs.log import Entry, Log, output_id, unwritable

Row = TypeVar("Row")
# Seconds between two publications of a run that goes on. They also take at most a twentieth of its time.
_PUBLISH_EVERY = 5.0
_SHARE = 20


class RunRows(ABC, Generic[Row]):
    """Rows in the order of the work, whatever the order of their arrival.

    Each is in the folder's log when ``add`` returns. The file that people and programs read (``path``) is written
    when the run ends, whatever ends it, and meanwhile every few seconds. Until the end it also has the rows of earlier
    runs that this one has not come to; at the end it has those of this run. A context manager.

    Args:
        folder: where the log, the file and the outputs lie; it is made.
        command: whose rows these are.
        name: of the file to publish.
        resume: take over the rows of earlier runs of the command.

    Raises:
        PhotopulseError: if the folder cannot be made, or what an earlier run left cannot be read.
    """

    def __init__(self, folder: Path, command: str, name: str, *, resume: bool) -> None:
        self.path = folder / name
        self._folder = folder
        self.command = command
        self._resume = resume
        self._log = Log(folder)
        self._rows: dict[int, Row] = {}
        self._publish_at = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        if resume and not self._log.path.exists():
            self._take_over()
        self._earlier = self._log.read()

    @abstractmethod
    def publish(self, rows: Sequence[Row]) -> None:
        """Writes the file; PhotopulseError if that is not possible."""

    @abstractmethod
    def published(self) -> list[Row]:
        """Reads what the file has of this command; for folders without a log, which earlier versions made."""

    @abstractmethod
    def output_of(self, row: Row) -> Path | None:
        """The path of the output, in the folder; None if there is none."""

    @abstractmethod
    def key_of(self, row: Row) -> str | None:
        """The key of what made the output."""

    @abstractmethod
    def to_fields(self, row: Row) -> dict[str, Any]:
        """What JSON keeps of the row."""

    @abstractmethod
    def from_fields(self, fields: dict[str, Any]) -> Row | None:
        """Reads what ``to_fields`` made; None if it is damaged."""

    @property
    def items(self) -> list[Row]:
        """The rows so far."""
        return [self._rows[place] for place in sorted(self._rows)]

    def finished(self, output: Path, key: str) -> Row | None:
        """Returns the row that an earlier run gave to an output, if the key is the same and the output there.

        If not, the output is about to be made anew. What the log says of it is struck out before, or else it would
        be believed of the new output if the run were killed between writing that and its row.
        """
        name = self._name(output)
        row = self._row(self._earlier.get(output_id(name)))
        if row is not None and self._resume and self.key_of(row) == key and output.is_file():
            return row
        if self._earlier.pop(output_id(name), None) is not None:
            self._log.append([Entry(command=self.command, output=name, row=None)])
        return None

    def earlier(self, output: Path) -> Row | None:
        """Returns the last row that earlier runs of the command gave to an output."""
        return self._row(self._earlier.get(output_id(self._name(output))))

    @property
    def earlier_outputs(self) -> dict[Path, Row]:
        """The last row of each output of earlier runs of the command that this run has not come to."""
        rows = {self._folder / (entry.output or ""): self._row(entry) for entry in self._earlier.values()}
        return {output: row for output, row in rows.items() if row is not None}

    def keep(self, place: int, row: Row) -> None:
        """Adds a row of an earlier run, which the log has already, at its place in the order of the work."""
        self._rows[place] = row
        self._met(row)

    def add(self, place: int, row: Row) -> None:
        """Adds a new row at its place in the order of the work, and logs it.

        Raises:
            PhotopulseError: if a file cannot be written.
        """
        self._rows[place] = row
        self._met(row)
        self._log.append([self._entry(row)])
        if time.monotonic() >= self._publish_at:
            self._publish_meanwhile()

    def close(self) -> list[Row]:
        """Publishes the rows of this run alone, and returns them."""
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
            with suppress(PhotopulseError):  # What ended the run is what the user must hear of.
                self._publish_meanwhile()

    def _publish_meanwhile(self) -> None:
        started = time.monotonic()
        self.publish([*self.items, *self._not_met()])
        taken = time.monotonic() - started
        self._publish_at = time.monotonic() + max(_PUBLISH_EVERY, _SHARE * taken)

    def _not_met(self) -> list[Row]:
        if not self._resume:
            return []
        rows = (self._row(entry) for entry in self._earlier.values() if (self._folder / (entry.output or "")).is_file())
        return [row for row in rows if row is not None]

    def _met(self, row: Row) -> None:
        output = self.output_of(row)
        if output is not None:
            self._earlier.pop(output_id(self._name(output)), None)

    def _take_over(self) -> None:
        entries = [self._entry(row) for row in self.published() if self.output_of(row) is not None]
        if entries:
            self._log.append(entries)

    def _entry(self, row: Row) -> Entry:
        output = self.output_of(row)
        name = None if output is None else self._name(output)
        return Entry(command=self.command, output=name, row=self.to_fields(row))

    def _row(self, entry: Entry | None) -> Row | None:
        """The row of an entry of this command."""
        if entry is None or entry.row is None or entry.command != self.command:
            return None
        return self.from_fields(entry.row)

    def _name(self, output: Path) -> str:
        """The output within the folder, also where the folder has moved since the row was made."""
        return output.relative_to(self._folder).as_posix() if output.is_relative_to(self._folder) else output.name
