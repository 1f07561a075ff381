"""The tables of an evaluation, for readers (Markdown), spreadsheets (CSV) and programs (JSON)."""

import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from photopulse.evaluation.markdown import to_markdown
from photopulse.evaluation.measures import MEASURES
from photopulse.evaluation.summaries import Summary, Task
from photopulse.files import write_text
from photopulse.reporting.cells import to_csv
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.intervals import LEVEL

TABLES_VERSION = 1


def write_tables(folder: Path, summaries: Sequence[Summary]) -> None:
    """Writes ``table.md``, ``table.csv`` and ``table.json`` into a folder, which is made.

    The CSV and JSON files have a line or object for each summary. Raises PhotopulseError when one cannot be written.
    """
    records = [_record(summary) for summary in summaries]
    names = _record(_NOTHING)
    write_text(folder / "table.md", to_markdown(summaries))
    write_text(folder / "table.csv", to_csv([names, *(record.values() for record in records)]))
    write_text(folder / "table.json", _to_json(records))


def _record(summary: Summary) -> dict[str, object]:
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
    for measure in MEASURES:
        estimate = summary.figures.get(measure.name, Estimate())
        record |= {
            measure.name: _number(estimate.value),
            f"{measure.name}_low": _number(estimate.low),
            f"{measure.name}_high": _number(estimate.high),
            f"{measure.name}_count": estimate.count,
        }
    return record


def _number(value: float | None) -> float | None:
    """JSON has no number for what is infinite or undefined."""
    return value if value is not None and math.isfinite(value) else None


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


_NOTHING = Summary(task=Task("", 1, 1), method="", scope="all", fair=True, images=0, failed=0, figures={})
