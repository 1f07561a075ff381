"""What an evaluation leaves behind: rows, tables, settings, figures."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from photopulse.evaluation.benchmark import write_tables
from photopulse.evaluation.figures import write_figures
from photopulse.evaluation.job import Job, Outcome
from photopulse.evaluation.rows import Row, write_rows
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.summaries import summarise
from photopulse.runs.sidecar import write_json


def write_results(
    folder: Path, rows: Sequence[Row], done: Sequence[tuple[Job, Outcome]], settings: EvaluateSettings
) -> None:
    """Writes ``rows.csv``, ``table.md``, ``table.csv``, ``table.json``, ``settings.json`` and ``figures/``.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    summaries = summarise(rows)
    lpips = None if settings.lpips is None else str(settings.lpips)
    write_rows(folder / "rows.csv", rows)
    write_tables(folder, summaries)
    write_json(folder / "settings.json", {"photopulse": version("photopulse"), **asdict(settings), "lpips": lpips})
    write_figures(folder / "figures", done, summaries, settings)
