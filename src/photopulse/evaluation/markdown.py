"""Summaries as a page of tables in Markdown, readable as it is and as a web page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from photopulse.degrade.corruptions import UNTOUCHED
from photopulse.evaluation.measures import MEASURES, Measure
from photopulse.evaluation.ordering import ORIGINAL
from photopulse.evaluation.summaries import Summary, Task
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.intervals import LEVEL

_NONE = Estimate()


class _Column(NamedTuple):
    """A column of one table: an estimate, which may be empty, for each line."""

    measure: Measure
    estimates: Sequence[Estimate]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The methods of one task over one scope of pictures, with the columns that have a value."""

    lines: Sequence[Summary]
    columns: Sequence[_Column]


def to_markdown(summaries: Sequence[Summary]) -> str:
    """Words what ``summarise`` returns as a page: a section a task, the best of each column bold, and a legend."""
    shared = {
        task: _table(list(group))
        for task, group in groupby((s for s in summaries if s.scope == "shared"), key=lambda summary: summary.task)
    }
    whole = [summary for summary in summaries if summary.scope == "all"]
    sections: list[str] = []
    shown: set[str] = set()
    for task, group in groupby(whole, key=lambda summary: summary.task):
        table = _table(list(group))
        sections += [f"## {task_title(task)}", *_words(table)]
        shown |= _names(table)
        if task in shared:
            count = _pictures(shared[task].lines[0].images)
            sections += [f"### Over the {count} that all methods share", *_words(shared[task])]
            shown |= _names(shared[task])
    body = sections or ["Nothing was measured."]
    return "\n\n".join(["# Evaluation", *_legend(shown), *body]) + "\n"


def task_title(task: Task) -> str:
    """Words a task for a heading, e.g. ``8x: 16 -> 128 px, noise:25``."""
    factor = f"{task.size / task.small:.3g}x: {task.small} -> {task.size} px"
    return factor if task.condition == UNTOUCHED else f"{factor}, {task.condition}"


def _table(lines: Sequence[Summary]) -> _Table:
    columns = [
        _Column(measure, [line.figures.get(measure.name, _NONE) for line in lines])
        for measure in MEASURES
        if measure.listed and any(measure.name in line.figures for line in lines)
    ]
    return _Table(lines=lines, columns=columns)


def _names(table: _Table) -> set[str]:
    return {column.measure.name for column in table.columns}


def _words(table: _Table) -> list[str]:
    """The table of figures, then that of their intervals."""
    heads = ["method", "pictures", *(f"{column.measure.heading}{column.measure.arrow}" for column in table.columns)]
    columns = [_marked(column, table) for column in table.columns]
    cells = [
        [line.method, _count(line), *(column[place] for column in columns)] for place, line in enumerate(table.lines)
    ]
    words = [_grid([heads, *cells])]
    main = [column for column in table.columns if column.measure.main and any(map(_interval, column.estimates))]
    if main:
        heads = ["method", *(column.measure.heading for column in main)]
        ranges = [
            [line.method, *(_range(column.measure, column.estimates[place]) for column in main)]
            for place, line in enumerate(table.lines)
        ]
        words += [f"{LEVEL:.0%} intervals:", _grid([heads, *ranges])]
    return words


def _marked(column: _Column, table: _Table) -> list[str]:
    """The cells of a column, the best in bold; equal ones share the honour."""
    measure = column.measure
    texts = [measure.text(estimate.value) for estimate in column.estimates]
    rivals = {
        place: estimate.value
        for place, (line, estimate) in enumerate(zip(table.lines, column.estimates, strict=True))
        if estimate.value is not None and line.method != ORIGINAL and not math.isnan(estimate.value)
    }
    if measure.lower_better is None or len(rivals) < 2 or not table.lines[0].fair:
        return texts
    best = min(rivals, key=lambda place: rivals[place] if measure.lower_better else -rivals[place])
    return [f"**{text}**" if place in rivals and text == texts[best] else text for place, text in enumerate(texts)]


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high


def _range(measure: Measure, estimate: Estimate) -> str:
    interval = _interval(estimate)
    return measure.text(None) if interval is None else " to ".join(map(measure.text, interval))


def _count(line: Summary) -> str:
    return f"{line.images}, {line.failed} failed" if line.failed else str(line.images)


def _pictures(count: int) -> str:
    return "one picture" if count == 1 else f"{count} pictures"


def _legend(shown: set[str]) -> list[str]:
    """What the columns are; an arrow points where better is."""
    lines = [
        f"- **{m.heading}**{m.arrow}{f' ({m.unit})' if m.unit else ''}: {m.meaning}"
        for m in MEASURES
        if m.name in shown
    ]
    if not lines:
        return []
    intro = (
        "An arrow points where better is; the best of each column is bold (never the original, nor where methods "
        "saw different pictures). Intervals say how far a figure may move with other pictures of the same kind."
    )
    return [intro, "\n".join(lines)]


def _grid(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right, padded to line up as text."""
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(3, *(len(line[place]) for line in cells)) for place in range(len(cells[0]))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| " + " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + " |"
        for line in [cells[0], rule, *cells[1:]]
    )
