"""The tables of an evaluation, for readers (Markdown), spreadsheets (CSV) and programs (JSON)."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from photopulse.studies.intervals import LEVEL
from photopulse.studies.markdown import SetNiqe, to_markdown
from photopulse.studies.measures import MEASURES
from photopulse.studies.rows import Row
from photopulse.studies.summaries import Estimate, Summary, Task, summarise
from photopulse.studies.text import write_text

__all__ = ["Estimate", "SetNiqe", "Summary", "Task", "summarise", "write_tables"]

TABLES_VERSION = 1


def write_tables(folder: Path, rows: Iterable[Row], *, set_niqe: SetNiqe | None = None) -> None:
    """Writes ``table.md``, ``table.csv`` and ``table.json``; the same for the same rows in any order.

    Args:
        folder: of the tables; it is made.
        rows: what was measured.
        set_niqe: NIQE pooled over the blocks of a set by (condition, method, size), shown for pictures that are
            too small for a NIQE of their own (fewer than two blocks of 96 px).

    The CSV and JSON files have a line or object for each method of a task, over ``"all"`` its pictures and, where
    methods saw different ones, over those that they ``"shared"``. Raises PhotopulseError when one cannot be
    written.
    """
    pooled = set_niqe or {}
    kept = list(rows)
    summaries = summarise(kept)
    shared = summarise(kept, scope="shared")
    records = [_record(summary, pooled) for summary in (*summaries, *shared)]
    write_text(folder / "table.md", to_markdown(summaries, shared, pooled))
    write_text(folder / "table.csv", _to_csv(records))
    write_text(folder / "table.json", _to_json(records))


def _record(summary: Summary, set_niqe: SetNiqe) -> dict[str, object]:
    task = summary.task
    pooled = set_niqe.get((task.condition, summary.method, task.size)) if summary.scope == "all" else None
    record: dict[str, object] = {
        "condition": task.condition,
        "small": task.small,
        "size": task.size,
        "method": summary.method,
        "scope": summary.scope,
        "images": summary.images,
        "failed": summary.failed,
        **_parts("converged", summary.converged),
        "set_niqe": _number(pooled),
    }
    for measure in MEASURES:
        record |= _parts(measure.name, summary.figures.get(measure.name))
    return record


def _parts(name: str, estimate: Estimate | None) -> dict[str, object]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_count": 0}
    return {
        name: _number(estimate.value),
        f"{name}_low": _number(estimate.low),
        f"{name}_high": _number(estimate.high),
        f"{name}_count": estimate.count,
    }


def _number(value: float | None) -> float | None:
    """JSON has no number for what is infinite or undefined."""
    return value if value is not None and math.isfinite(value) else None


def _to_csv(records: Sequence[Mapping[str, object]]) -> str:
    stream = io.StringIO(newline="")
    names = _record(_NOTHING, {})
    writer = csv.DictWriter(stream, list(names))
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue()


def _to_json(records: Sequence[Mapping[str, object]]) -> str:
    content = {
        "version": TABLES_VERSION,
        "photopulse": version("photopulse"),
        "level": LEVEL,
        "measures": {
            measure.name: {"meaning": measure.meaning, "unit": measure.unit, "lower_better": measure.lower_better}
            for measure in MEASURES
        },
        "summaries": records,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


_NOTHING = Summary(task=Task("", 1, 1), method="", scope="all", images=0, failed=0, converged=None, figures={})
