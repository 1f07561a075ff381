"""Many sharp faces, many methods: what each makes of the faces made small, measured side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from photopulse.evaluation.inputs import Subject, make_inputs
from photopulse.evaluation.job import Job, Outcome
from photopulse.evaluation.method import Method
from photopulse.evaluation.ordering import ORIGINAL
from photopulse.evaluation.output import write_results
from photopulse.evaluation.plan import plan_jobs
from photopulse.evaluation.rows import Row
from photopulse.evaluation.settings import EvaluateSettings, EvaluateWatcher
from photopulse.evaluation.workers import run_jobs
from photopulse.faces.detect import FaceDetector


def evaluate_files(
    files: Sequence[Path],
    folder: Path,
    settings: EvaluateSettings,
    watcher: EvaluateWatcher | None = None,
    *,
    detector: FaceDetector | None = None,
    mirrored: Sequence[Path] = (),
) -> list[Row]:
    """Makes sharp faces small, enlarges them by all methods, and writes what was measured into ``folder``.

    ``sharp/<stem>.png`` is the aligned face, ``<condition>/small/<stem>.png`` what methods get,
    ``<condition>/<method>/<side>/<stem>.png`` what they make of it; ``rows.csv``, ``table.md``, ``table.csv``,
    ``table.json`` and ``figures/`` are the results.

    Args:
        files: photos, see ``images.image_files``; of each the largest face counts.
        folder: receives all.
        settings: of the evaluation.
        watcher: hears of progress.
        detector: from ``FaceDetector.load``; made anew if None and there are photos to align.
        mirrored: folders whose subfolders the results' folders have, too.

    Returns:
        The rows. A photo without a face has one, of the method ``ORIGINAL``, with an error. Whatever ends the run
        early (Ctrl-C too), pictures that were finished are remembered, and the same call goes on from there.

    Raises:
        PhotopulseError: for what makes every picture fail, and for a folder that cannot be written to.
    """
    watcher = watcher or EvaluateWatcher()
    settings = _with_what_is_installed(settings, watcher)
    subjects = _prepared(files, mirrored, folder, settings, watcher, detector)
    usable = [subject for subject in subjects if subject.error is None]
    methods = settings.make_methods()
    jobs, notes = plan_jobs(usable, folder, settings, methods)
    for note in notes:
        watcher.on_note(note)
    if settings.workers > 1:
        methods = {}  # The generator that told its size goes: each worker loads its own.
    done = _run(jobs, settings, methods, watcher)
    failed = [_failed(subject, settings) for subject in subjects if subject.error is not None]
    rows = failed + [row for _, outcome in done for row in outcome.rows]
    write_results(folder, rows, done, settings)
    return rows


def exit_code_of(rows: Sequence[Row]) -> int:
    """Returns 1 if an item failed, else 3 if a search did not come close enough, else 0."""
    if any(row.error is not None for row in rows):
        return 1
    return 3 if any(row.converged is False for row in rows) else 0


def _with_what_is_installed(settings: EvaluateSettings, watcher: EvaluateWatcher) -> EvaluateSettings:
    if settings.identity and find_spec("dlib") is None:
        watcher.on_note("identity is not measured: dlib is not installed (pip install 'photopulse[identity]')")
        return replace(settings, identity=False)
    return settings


def _prepared(
    files: Sequence[Path],
    mirrored: Sequence[Path],
    folder: Path,
    settings: EvaluateSettings,
    watcher: EvaluateWatcher,
    detector: FaceDetector | None,
) -> list[Subject]:
    watcher.on_stage("preparing", len(files))
    if not settings.aligned:
        detector = detector or FaceDetector.load()
    subjects: list[Subject] = []
    for subject in make_inputs(files, mirrored, folder, settings, detector):
        subjects.append(subject)
        watcher.on_done(subject.image, subject.error, subject.resumed)
    return subjects


def _run(
    jobs: Sequence[Job], settings: EvaluateSettings, methods: Mapping[str, Method], watcher: EvaluateWatcher
) -> list[tuple[Job, Outcome]]:
    """Runs the jobs; they come back in their order, whatever finished first."""
    watcher.on_stage("measuring", len(jobs))
    outcomes: dict[Path, Outcome] = {}
    for job, outcome in run_jobs(jobs, settings, methods, watcher.on_start):
        outcomes[job.output] = outcome
        watcher.on_done(job.name, outcome.error, outcome.resumed)
    return [(job, outcomes[job.output]) for job in jobs]


def _failed(subject: Subject, settings: EvaluateSettings) -> Row:
    return Row(
        image=subject.image,
        condition=settings.conditions[0].name,
        method=ORIGINAL,
        size=max(settings.sizes),
        small=settings.small,
        error=subject.error,
    )
