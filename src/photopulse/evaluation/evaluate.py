"""Evaluates several methods on many originals, which are downscaled or damaged first."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from photopulse.evaluation.bench import run_jobs
from photopulse.evaluation.figures import Done, write_figures
from photopulse.evaluation.inputs import Subject, make_inputs
from photopulse.evaluation.jobs import Job, Outcome, plan_faces, plan_photos
from photopulse.evaluation.method import Method
from photopulse.evaluation.records import Row, write_rows
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.summaries import ORIGINAL, summarise
from photopulse.evaluation.tables import write_tables
from photopulse.extras import install_command, is_installed
from photopulse.faces.detect import FaceDetector
from photopulse.runs.report import ReportItem
from photopulse.runs.sidecar import write_json
from photopulse.runs.watcher import Watcher


def evaluate_files(
    files: Sequence[Path],
    folder: Path,
    settings: EvaluateSettings,
    watcher: Watcher | None = None,
    *,
    detector: FaceDetector | None = None,
    mirrored: Sequence[Path] = (),
) -> list[Row]:
    """Downscales sharp faces, enlarges them by all methods, and writes the results and measures into ``folder``.

    ``sharp/<stem>.png`` is the aligned original, ``<condition>/small/<stem>.png`` the input of the methods, and
    ``<condition>/<method>/<side>/<stem>.png`` their result. With ``settings.restore``, whole photos are damaged and
    restored: ``<level>/damaged/<stem>.png`` and ``<level>/<method>/<stem>.png``. The measures are in ``rows.csv``,
    ``table.md``, ``table.csv``, ``table.json`` and ``figures/``.

    Args:
        files: photos, see ``images.image_files``; the largest face of each is used.
        folder: folder of all files that are written.
        settings: settings of the evaluation.
        watcher: receives reports of progress; none are made if None.
        detector: face detector from ``FaceDetector.load``; loaded if None and photos must be aligned.
        mirrored: folders whose subfolders are created in the results' folders, too.

    Returns:
        The rows. A photo without a face has a single row, of the method ``ORIGINAL``, with an error. If the run ends
        early (by Ctrl-C, for example), finished pictures are kept, and the same call continues from there.

    Raises:
        PhotopulseError: if every picture would fail, or the folder cannot be written to.
    """
    # Make the inputs.
    watcher = watcher or Watcher()
    settings = _with_what_is_installed(settings, watcher)
    subjects = _prepared(files, mirrored, folder, settings, watcher, detector)
    usable = [subject for subject in subjects if subject.error is None]
    # Plan the jobs.
    if settings.restore:
        methods = settings.make_restorers()
        jobs, notes = plan_photos(usable, folder, settings, methods)
    else:
        methods = settings.make_enlargers()
        jobs, notes = plan_faces(usable, folder, settings, methods)
    for note in notes:
        watcher.note(note)
    if settings.workers > 1:
        methods = {}  # Frees the generator, which planning loaded for its size: each worker loads its own.
    # Run them, and write the rows and tables.
    done = _run(jobs, settings, methods, watcher)
    failed = [_failed(subject, settings) for subject in subjects if subject.error is not None]
    rows = failed + [row for _, outcome in done for row in outcome.rows]
    _write_results(folder, rows, done, settings)
    return rows


def exit_code_of(rows: Sequence[Row]) -> int:
    """Returns the exit status: 1 if a picture failed, else 3 if a search did not converge, else 0."""
    if any(row.error is not None for row in rows):
        return 1
    return 3 if any(row.values.get("converged") is False for row in rows) else 0


def _with_what_is_installed(settings: EvaluateSettings, watcher: Watcher) -> EvaluateSettings:
    if settings.identity and not is_installed("dlib"):
        watcher.note(f"identity is not measured: dlib is not installed ({install_command('identity')})")
        return replace(settings, identity=False)
    return settings


def _prepared(
    files: Sequence[Path],
    mirrored: Sequence[Path],
    folder: Path,
    settings: EvaluateSettings,
    watcher: Watcher,
    detector: FaceDetector | None,
) -> list[Subject]:
    watcher.start("preparing", len(files))
    if settings.finds_faces:
        detector = detector or FaceDetector.load()
    subjects: list[Subject] = []
    for done, subject in enumerate(make_inputs(files, mirrored, folder, settings, detector), start=1):
        subjects.append(subject)
        watcher.end(_ended(subject.image, subject.error), resumed=subject.resumed)
        watcher.step(done, doing=subject.image)
    return subjects


def _run(
    jobs: Sequence[Job], settings: EvaluateSettings, methods: Mapping[str, Method], watcher: Watcher
) -> list[tuple[Job, Outcome]]:
    """Runs the jobs and returns them with their outcomes, in the order of ``jobs``."""
    watcher.start("measuring", len(jobs))
    outcomes: dict[Path, Outcome] = {}
    for job, outcome in run_jobs(jobs, settings, methods, lambda name: watcher.step(len(outcomes), doing=name)):
        outcomes[job.output] = outcome
        watcher.end(_ended(job.name, outcome.error), resumed=outcome.resumed)
        watcher.step(len(outcomes), doing=job.name)
    return [(job, outcomes[job.output]) for job in jobs]


def _failed(subject: Subject, settings: EvaluateSettings) -> Row:
    faces = not settings.restore
    return Row(
        image=subject.image,
        condition=settings.conditions[0].name if faces else settings.restore[0],
        method=ORIGINAL,
        size=max(settings.sizes) if faces else None,
        small=settings.small if faces else None,
        error=subject.error,
    )


def _ended(name: str, error: str | None) -> ReportItem:
    """Returns the row that is reported to the watcher for a finished or failed picture."""
    if error is None:
        return ReportItem(input=name, status="made")
    return ReportItem(input=name, status="failed", error=f"{name}: {error}")


def _write_results(folder: Path, rows: Sequence[Row], done: Done, settings: EvaluateSettings) -> None:
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
