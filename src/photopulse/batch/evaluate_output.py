"""What an evaluation leaves behind: rows, tables, settings, figures."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from photopulse.batch.evaluate_figures import write_figures
from photopulse.batch.evaluate_job import Job, Outcome
from photopulse.batch.evaluate_settings import EvaluateSettings
from photopulse.batch.sidecar import write_json
from photopulse.studies.benchmark import write_tables
from photopulse.studies.rows import Row, write_rows
from photopulse.studies.summaries import summarise


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
