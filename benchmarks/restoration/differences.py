"""photopulse less each other method, photo by photo, of an evaluation of restoring."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from photopulse.evaluation.measure import Column
from photopulse.evaluation.measures import COLUMNS
from photopulse.evaluation.records import Row, read_rows
from photopulse.evaluation.summaries import ORIGINAL, condition_order, method_order
from photopulse.reporting.estimates import Estimate, estimate

from .grid import grid

OURS = "restore"
SHOWN: list[Column] = [column for column in COLUMNS if column.topic in ("truth", "person") and column.name == column.of]


def print_differences(folder: Path) -> None:
    """Prints means over the photos that both have, with intervals: one that leaves out zero is no chance."""
    conditions: dict[str, dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in read_rows(folder / "rows.csv"):
        if row.error is None:
            conditions[row.condition][row.method][row.image] = row
    for condition in sorted(conditions, key=condition_order):
        methods = conditions[condition]
        if OURS in methods:
            print(f"## {condition}\n\n{differences(methods)}\n")


def differences(methods: dict[str, dict[str, Row]]) -> str:
    """A line for each method that photopulse is compared with."""
    lines = [["photopulse less", "photos", *(f"{column.heading}{column.arrow}" for column in SHOWN)]]
    for name in sorted(methods, key=method_order):
        if name not in (OURS, ORIGINAL):
            pairs = [(ours, methods[name][image]) for image, ours in methods[OURS].items() if image in methods[name]]
            lines.append([name, str(len(pairs)), *(cell(pairs, column) for column in SHOWN)])
    return grid(lines)


def cell(pairs: Sequence[tuple[Row, Row]], column: Column) -> str:
    """The mean difference and its interval."""
    known = [(ours.values.get(column.of), theirs.values.get(column.of)) for ours, theirs in pairs]
    told = estimate((float(a) - float(b) for a, b in known if a is not None and b is not None), np.mean)
    return worded(told, (column.decimals or 2) + 1)


def worded(told: Estimate, digits: int) -> str:
    """A mean with its sign, and the interval if there is one."""
    if told.value is None:
        return "-"
    mean = f"{told.value:+.{digits}f}"
    return mean if told.low is None else f"{mean} ({told.low:+.{digits}f} to {told.high:+.{digits}f})"
