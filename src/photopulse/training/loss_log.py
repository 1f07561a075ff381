"""The losses of a training as a CSV file, which a resumed training continues."""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from photopulse.files import read_regular, write_text

_MOST_BYTES: Final = 64 * 2**20  # A line takes about 50 bytes.


class LossLog:
    """Writes a CSV file with a line for every ``every`` steps: step, seconds of training until then, mean losses.

    Each loss is the mean over the steps since the line before. A resumed training continues to count seconds.
    """

    def __init__(self, path: Path, *, done: int, every: int = 50) -> None:
        """Continues the file after step ``done``; later lines, of steps that are repeated, are dropped."""
        self._path = path
        self._every = every
        self._lines = lines_until(path, done)
        before = float(self._lines[-1][1]) if self._lines else 0.0
        self._started = time.perf_counter() - before
        self._sums: dict[str, float] = {}
        self._steps = 0

    def add(self, step: int, losses: Mapping[str, float], *, last: bool = False) -> dict[str, float] | None:
        """Adds a step's losses; where a line is due, and after the last step, writes it and returns its losses.

        Raises:
            PhotopulseError: if the file cannot be written.
        """
        self._steps += 1
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss
        if step % self._every and not last:
            return None
        means = {name: total / self._steps for name, total in self._sums.items()}
        seconds = time.perf_counter() - self._started
        self._lines.append([str(step), f"{seconds:.1f}", *(f"{mean:.6g}" for mean in means.values())])
        self._sums, self._steps = {}, 0
        write_table(self._path, [["step", "seconds", *means], *self._lines])
        return means


def lines_until(path: Path, step: int) -> list[list[str]]:
    """Reads the lines of a table of steps up to a step, without its head; those of a damaged file up to the damage."""
    lines: list[list[str]] = []
    with suppress(OSError, ValueError, IndexError, csv.Error):
        for cells in read_table(path)[1:]:
            if int(cells[0]) > step:
                break
            float(cells[1])
            lines.append(cells)
    return lines


def write_table(path: Path, table: Sequence[Sequence[str]]) -> None:
    """Writes lines of cells without commas as a CSV file; PhotopulseError if it cannot be written."""
    write_text(path, "".join(",".join(cells) + "\n" for cells in table))


def read_table(path: Path) -> list[list[str]]:
    """Reads all lines of a table of steps, its head first.

    Raises:
        OSError: if it cannot be read, is no regular file or has more than 64 MiB.
        ValueError, csv.Error: if it is damaged.
    """
    text = read_regular(path, most=_MOST_BYTES).decode("utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))
