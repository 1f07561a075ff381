"""The tables of an evaluation, for readers (Markdown), spreadsheets (CSV) and programs (JSON)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from photopulse.degrade.corruptions import UNTOUCHED
from photopulse.evaluation.measure import Column
from photopulse.evaluation.measures import COLUMNS
from photopulse.evaluation.summaries import ORIGINAL, Summary, Task
from photopulse.files import write_text
from photopulse.reporting.cells import to_csv
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.intervals import LEVEL
from photopulse.reporting.markdown import markdown_table
from photopulse.runs.json_text import json_text

TABLES_VERSION = 1
_NONE = Estimate()


class _Filled(NamedTuple):
    """A column of one table, with an estimate for each line, which may be empty."""

    column: Column
    estimates: Sequence[Estimate]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The methods of one task over one scope of pictures, with the columns that have a value."""

    lines: Sequence[Summary]
    columns: Sequence[_Filled]


def to_markdown(summaries: Sequence[Summary]) -> str:
    """Formats summaries as a Markdown page: one section per task, the best of each column in bold, and a legend."""
    # Tables over shared pictures, by task.
    shared = {
        task: _table(list(group))
        for task, group in groupby((s for s in summaries if s.scope == "shared"), key=lambda summary: summary.task)
    }
    whole = [summary for summary in summaries if summary.scope == "all"]
    # One section per task: the table over all pictures, then that over shared ones.
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
    """Formats a task for a heading, e.g. ``8x: 16 -> 128 px, noise:25``; the condition alone for photos."""
    if task.size is None or task.small is None:
        return task.condition
    factor = f"{task.size / task.small:.3g}x: {task.small} -> {task.size} px"
    return factor if task.condition == UNTOUCHED else f"{factor}, {task.condition}"


def _table(lines: Sequence[Summary]) -> _Table:
    columns = [
        _Filled(column, [line.figures.get(column.name, _NONE) for line in lines])
        for column in COLUMNS
        if column.listed and any(column.name in line.figures for line in lines)
    ]
    return _Table(lines=lines, columns=columns)


def _names(table: _Table) -> set[str]:
    return {filled.column.name for filled in table.columns}


def _words(table: _Table) -> list[str]:
    """Returns the Markdown table of estimates, then that of their intervals."""
    # Table of estimates.
    heads = ["method", "pictures", *(f"{filled.column.heading}{filled.column.arrow}" for filled in table.columns)]
    columns = [_marked(filled, table) for filled in table.columns]
    cells = [
        [line.method, _count(line), *(column[place] for column in columns)] for place, line in enumerate(table.lines)
    ]
    words = [markdown_table([heads, *cells])]
    # Table of intervals, for the main columns.
    main = [filled for filled in table.columns if filled.column.main and any(map(_interval, filled.estimates))]
    if main:
        heads = ["method", *(filled.column.heading for filled in main)]
        ranges = [
            [line.method, *(_range(filled.column, filled.estimates[place]) for filled in main)]
            for place, line in enumerate(table.lines)
        ]
        words += [f"{LEVEL:.0%} intervals:", markdown_table([heads, *ranges])]
    return words


def _marked(filled: _Filled, table: _Table) -> list[str]:
    """Returns the cells of a column, with the best in bold; of equal values, all are bold."""
    column = filled.column
    texts = [column.text(estimate.value) for estimate in filled.estimates]
    rivals = {
        place: estimate.value
        for place, (line, estimate) in enumerate(zip(table.lines, filled.estimates, strict=True))
        if estimate.value is not None and line.method != ORIGINAL and not math.isnan(estimate.value)
    }
    if column.better is None or len(rivals) < 2 or not table.lines[0].fair:
        return texts
    best = (min if column.better == "lower" else max)(rivals, key=lambda place: rivals[place])
    return [f"**{text}**" if place in rivals and text == texts[best] else text for place, text in enumerate(texts)]


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high


def _range(column: Column, estimate: Estimate) -> str:
    interval = _interval(estimate)
    return column.text(None) if interval is None else " to ".join(map(column.text, interval))


def _count(line: Summary) -> str:
    return f"{line.images}, {line.failed} failed" if line.failed else str(line.images)


def _pictures(count: int) -> str:
    return "one picture" if count == 1 else f"{count} pictures"


def _legend(shown: set[str]) -> list[str]:
    """Returns the legend: the meaning of each column; an arrow points in the direction that is better."""
    lines = [
        f"- **{column.heading}**{column.arrow}{f' ({column.unit})' if column.unit else ''}: {column.meaning}"
        for column in COLUMNS
        if column.name in shown
    ]
    if not lines:
        return []
    intro = (
        "An arrow points where better is; the best of each column is bold (never the original, nor where methods "
        "saw different pictures). Intervals say how far a figure may move with other pictures of the same kind."
    )
    return [intro, "\n".join(lines)]


def write_tables(folder: Path, summaries: Sequence[Summary]) -> None:
    """Writes ``table.md``, ``table.csv`` and ``table.json`` into a folder, which is created if missing.

    The CSV and JSON files have a line or object for each summary. Raises PhotopulseError when one cannot be written.
    """
    records = [_record(summary) for summary in summaries]
    names = _record(_NOTHING)
    write_text(folder / "table.md", to_markdown(summaries))
    write_text(folder / "table.csv", to_csv([names, *(record.values() for record in records)]))
    write_text(folder / "table.json", _to_json(records))


def _record(summary: Summary) -> dict[str, object]:
    # The task first, then value, interval and count of each column.
    task = summary.task
    record: dict[str, object] = {
        "condition": task.condition,
        "small": task.small,
        "size": task.size,
        "method": summary.method,
        "scope": summary.scope,
        "images": summary.images,
        "failed": summary.failed,
    }
    for column in COLUMNS:
        estimate = summary.figures.get(column.name, _NONE)
        record |= {
            column.name: _number(estimate.value),
            f"{column.name}_low": _number(estimate.low),
            f"{column.name}_high": _number(estimate.high),
            f"{column.name}_count": estimate.count,
        }
    return record


def _number(value: float | None) -> float | None:
    """Returns None in place of numbers that are infinite or undefined, because JSON has none."""
    return value if value is not None and math.isfinite(value) else None


def _to_json(records: Sequence[Mapping[str, object]]) -> str:
    content = {
        "version": TABLES_VERSION,
        "photopulse": version("photopulse"),
        "level": LEVEL,
        "measures": {
            column.name: {
                "meaning": column.meaning,
                "unit": column.unit,
                "lower_better": None if column.better is None else column.better == "lower",
            }
            for column in COLUMNS
        },
        "summaries": records,
    }
    return json_text(content)


_NOTHING = Summary(task=Task("", 1, 1), method="", scope="all", fair=True, images=0, failed=0, figures={})
