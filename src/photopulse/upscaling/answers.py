"""Adds to the rows of one face how diverse its results are, once all of them exist."""

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
    """Collects the rows of each face's results until there are ``count``, and then adds the results' diversity."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rows: dict[tuple[str, int | None], list[Placed]] = defaultdict(list)

    def add(self, place: int, row: ReportItem) -> list[Placed]:
        """Adds a finished row, and returns the rows of its face that must be rewritten if this one is the last.

        A face with a failed result stays incomplete. Rows that already hold the diversity are not returned.
        """
        if self._count < 2 or row.output is None:
            return []
        rows = self._rows[row.input, row.face]
        rows.append((place, row))
        if len(rows) < self._count:
            return []
        del self._rows[row.input, row.face]
        rows.sort(key=lambda placed: placed[0])  # Several workers finish them in any order.
        # A picture that was deleted in the meantime must not make the run fail.
        with suppress(*FAILURES):
            pictures = [read_image(Path(str(known.output))).pixels for _, known in rows]
            value = diversity(torch.cat(pictures))
            return [
                (known_place, replace(known, diversity=value))
                for known_place, known in rows
                if known.diversity is None or not math.isclose(known.diversity, value)
            ]
        return []
