"""The measurements of a generator in training as a table and curves, which a resumed training continues."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from photopulse.training.loss_curves import write_loss_curves
from photopulse.training.loss_log import lines_until, write_table

PROGRESS_FILES: Final = ("progress.csv", "progress.png")


class ProgressLog:
    """Writes progress.csv, a line for each measurement (step, pictures seen, figures), and its curves, progress.png."""

    def __init__(self, folder: Path) -> None:
        self._table, self._curves = (folder / name for name in PROGRESS_FILES)

    def add(self, step: int, seen: int, figures: Mapping[str, float]) -> bool:
        """Adds a measurement in place of those of later steps; returns whether its first figure is the least so far.

        Raises:
            PhotopulseError: if a file cannot be written.
        """
        before = lines_until(self._table, step - 1)
        lines = [*before, [str(step), str(seen), *(f"{value:.6g}" for value in figures.values())]]
        write_table(self._table, [["step", "pictures", *figures], *lines])
        write_loss_curves(self._curves, self._table)
        least = min((float(cells[2]) for cells in before), default=float("inf"))
        return next(iter(figures.values())) <= least
