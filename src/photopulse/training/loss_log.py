"""The losses of a training as a CSV file, which a resumed training continues."""

import csv
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from photopulse.files import write_text


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
        table = [["step", "seconds", *means], *self._lines]
        write_text(self._path, "".join(",".join(cells) + "\n" for cells in table))
        return means


def lines_until(path: Path, step: int) -> list[list[str]]:
    """Reads the lines of a table of steps up to a step, without its head; those of a damaged file up to the damage."""
    lines: list[list[str]] = []
    with suppress(OSError, ValueError, IndexError), path.open(newline="", encoding="utf-8") as file:
        for cells in list(csv.reader(file))[1:]:
            if int(cells[0]) > step:
                break
            float(cells[1])
            lines.append(cells)
    return lines
