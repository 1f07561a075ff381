"""Summaries as a page of tables in Markdown, readable as it is and as a web page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from photopulse.degrade.corruptions import UNTOUCHED
from photopulse.studies.intervals import LEVEL
from photopulse.studies.measures import MEASURES, Measure, is_reference
from photopulse.studies.summaries import Estimate, Summary, Task

SetNiqe = Mapping[tuple[str, str, int], float]

_NIQE_BLOCK = 96  # side of the blocks that NIQE looks at, in px
_SET_NIQE = Measure(
    name="set_niqe",
    heading="NIQE of set",
    value=lambda _row: None,
    lower_better=True,
    meaning="the NIQE of all pictures together, for those too small for a NIQE of their own",
    decimals=2,
)
_CONVERGED = Measure(
    name="converged",
    heading="converged",
    value=lambda _row: None,
    lower_better=False,
    meaning="share of the searches that reached their target",
    decimals=2,
)


class _Column(NamedTuple):
    """A column of one table: an estimate, or none, for each line."""

    measure: Measure
    estimates: Sequence[Estimate | None]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The methods of one task over one scope of pictures, and what is known of them.

    Attributes:
        lines: the methods.
        columns: those with a value.
        fair: whether the methods saw the same pictures, so that the best can be named.
    """

    lines: Sequence[Summary]
    columns: Sequence[_Column]
    fair: bool


def to_markdown(summaries: Sequence[Summary], shared: Sequence[Summary], set_niqe: SetNiqe) -> str:
    """Words summaries as a page: a section a task, with the best of each column bold, and a legend.

    Args:
        summaries: over all pictures of each method, sorted as ``summarise`` does.
        shared: over the shared pictures of tasks whose methods saw different ones.
        set_niqe: NIQE of a whole set by condition, method and size; shown where pictures are too small for
            their own.
    """
    uneven = {summary.task for summary in shared}
    sections: list[str] = []
    shown: set[str] = set()
    for task, group in groupby(summaries, key=lambda summary: summary.task):
        table = _table(list(group), set_niqe, fair=task not in uneven)
        sections += [f"## {task_title(task)}", *_words(table)]
        shown |= {column.measure.name for column in table.columns}
        if task in uneven:
            common = _table([summary for summary in shared if summary.task == task], {}, fair=True)
            count = common.lines[0].images
            sections += [f"### Over the {_pictures(count)} that all methods share", *_words(common)]
    body = sections or ["Nothing was measured."]
    return "\n\n".join(["# Evaluation", *_legend(shown), *body]) + "\n"


def task_title(task: Task) -> str:
    """Words a task for a heading, e.g. ``8x: 16 -> 128 px, noise:25``."""
    factor = f"{task.size / task.small:.3g}x: {task.small} -> {task.size} px"
    return factor if task.condition == UNTOUCHED else f"{factor}, {task.condition}"


def _table(lines: Sequence[Summary], set_niqe: SetNiqe, *, fair: bool) -> _Table:
    columns = [_Column(measure, [line.figures.get(measure.name) for line in lines]) for measure in MEASURES]
    place = 1 + next(index for index, column in enumerate(columns) if column.measure.name == "niqe")
    columns.insert(place, _Column(_SET_NIQE, [_set_niqe(line, set_niqe) for line in lines]))
    columns.append(_Column(_CONVERGED, [line.converged for line in lines]))
    return _Table(lines=lines, columns=[column for column in columns if any(column.estimates)], fair=fair)


def _set_niqe(line: Summary, set_niqe: SetNiqe) -> Estimate | None:
    task = line.task
    value = set_niqe.get((task.condition, line.method, task.size))
    if value is None or (task.size // _NIQE_BLOCK) ** 2 >= 2:
        return None
    return Estimate(value=value, low=None, high=None, count=line.images - line.failed)


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
    texts = [measure.text(None if estimate is None else estimate.value) for estimate in column.estimates]
    rivals = {
        place: estimate.value
        for place, (line, estimate) in enumerate(zip(table.lines, column.estimates, strict=True))
        if estimate is not None and not is_reference(line.method) and not math.isnan(estimate.value)
    }
    if measure.lower_better is None or len(rivals) < 2 or not table.fair:
        return texts
    best = min(rivals, key=lambda place: rivals[place] if measure.lower_better else -rivals[place])
    return [f"**{text}**" if place in rivals and text == texts[best] else text for place, text in enumerate(texts)]


def _interval(estimate: Estimate | None) -> tuple[float, float] | None:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high


def _range(measure: Measure, estimate: Estimate | None) -> str:
    interval = _interval(estimate)
    return measure.text(None) if interval is None else " to ".join(map(measure.text, interval))


def _count(line: Summary) -> str:
    return f"{line.images}, {line.failed} failed" if line.failed else str(line.images)


def _pictures(count: int) -> str:
    return "one picture" if count == 1 else f"{count} pictures"


def _legend(shown: set[str]) -> list[str]:
    """What the columns are; an arrow points where better is."""
    places = {measure.name: place for place, measure in enumerate(MEASURES)}
    measures = sorted((*MEASURES, _SET_NIQE, _CONVERGED), key=lambda measure: places.get(measure.name, len(places)))
    lines = [
        f"- **{m.heading}**{m.arrow}{f' ({m.unit})' if m.unit else ''}: {m.meaning}"
        for m in measures
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
