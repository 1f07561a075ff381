"""What an evaluation leaves behind: rows, tables, settings, figures."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from photopulse.batch.evaluate_figures import write_figures
from photopulse.batch.evaluate_job import Job, Outcome
from photopulse.batch.evaluate_settings import EvaluateSettings
from photopulse.batch.sidecar import write_json
from photopulse.metrics.niqe import niqe_score
from photopulse.studies.benchmark import write_tables
from photopulse.studies.rows import Row, write_rows


def write_results(
    folder: Path, rows: Sequence[Row], done: Sequence[tuple[Job, Outcome]], settings: EvaluateSettings
) -> None:
    """Writes ``rows.csv``, ``table.md``, ``table.csv``, ``table.json``, ``settings.json`` and ``figures/``.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    write_rows(folder / "rows.csv", rows)
    write_tables(folder, rows, set_niqe=_pooled_niqe(done))
    write_json(folder / "settings.json", {"photopulse": version("photopulse")} | asdict(settings))
    write_figures(folder / "figures", done, settings)


def _pooled_niqe(done: Sequence[tuple[Job, Outcome]]) -> dict[tuple[str, str, int], float]:
    """Computes a NIQE of the set by (condition, method, size), where faces are too small for one each."""
    blocks: dict[tuple[str, str, int], list[Sequence[float]]] = defaultdict(list)
    for job, outcome in done:
        for size, found in outcome.niqe_blocks.items():
            blocks[job.condition, job.method, size] += found
    return {which: niqe_score(np.array(found)) for which, found in blocks.items() if len(found) > 1}
