"""How different the answers to one face are, told once all of them are there."""

import math
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from photopulse.images import read_image
from photopulse.metrics import diversity
from photopulse.runs.failures import FAILURES
from photopulse.runs.report import ReportItem

Placed = tuple[int, ReportItem]
"""A row and its place in the report."""


class Answers:
    """Gathers the rows of each face's answers until there are ``count``, and then adds their diversity."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rows: dict[tuple[str, int | None], list[Placed]] = defaultdict(list)

    def add(self, place: int, row: ReportItem) -> list[Placed]:
        """Takes a finished row; returns the face's rows to write anew, if this one completes them.

        Failed answers leave a face incomplete. Rows that say so already need no writing.
        """
        if self._count < 2 or row.output is None:
            return []
        rows = self._rows[row.input, row.face]
        rows.append((place, row))
        if len(rows) < self._count:
            return []
        del self._rows[row.input, row.face]
        # A picture that somebody took away meanwhile is no reason to lose the others.
        with suppress(*FAILURES):
            pictures = [read_image(Path(str(known.output))).pixels for _, known in rows]
            value = diversity(torch.cat(pictures))
            return [
                (known_place, replace(known, diversity=value))
                for known_place, known in rows
                if known.diversity is None or not math.isclose(known.diversity, value)
            ]
        return []
