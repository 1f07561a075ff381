"""The figures of an evaluation: faces side by side, conditions below each other, the course of searches."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from photopulse.degrade import folder_name
from photopulse.evaluation.album import Album
from photopulse.evaluation.curves import write_curves
from photopulse.evaluation.job import Job, Outcome
from photopulse.evaluation.method import CurvePoint
from photopulse.evaluation.ordering import ORIGINAL
from photopulse.evaluation.points import write_points
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.summaries import Summary
from photopulse.reporting.strips import write_sheet
from photopulse.search.pulse import PulseSettings

Done = Sequence[tuple[Job, Outcome]]

SHOWN_FACES = 6
_METADATA = {"Description": "Methods compared by photopulse; what they add to a face is imagined, it identifies no one"}


def write_figures(folder: Path, done: Done, summaries: Sequence[Summary], settings: EvaluateSettings) -> None:
    """Draws what there is to draw.

    ``faces-<condition>-<size>.png`` holds six faces with what each method made of them and, below, what that
    downscales to; ``robustness-<size>-<face>.png`` the conditions of one face; ``robustness-<size>.png`` the figures
    under each condition; ``curves-<condition>.png`` the course of searches.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    jobs = [job for job, outcome in done if outcome.error is None]
    results = Counter(job.image for job in jobs)
    images = sorted(results, key=results.__getitem__, reverse=True)[:SHOWN_FACES]  # Those that most methods have.
    for size in settings.sizes:
        album = Album([job for job in jobs if size in job.sizes], size, settings)
        if images:
            _write_faces(folder, album, images, settings)
        if len(settings.conditions) > 1:
            _write_robustness(folder, album, images, settings)
            _write_points(folder / f"robustness-{size}.png", summaries, size)
    _write_curves(folder, done, settings)


def _write_faces(folder: Path, album: Album, images: Sequence[str], settings: EvaluateSettings) -> None:
    for condition in settings.conditions:
        strips = [album.face(image, condition) for image in images]
        path = folder / f"faces-{folder_name(condition)}-{album.size}.png"
        write_sheet(path, strips, columns=album.face_columns, metadata=_METADATA)


def _write_robustness(folder: Path, album: Album, images: Sequence[str], settings: EvaluateSettings) -> None:
    for image in images:
        strips = [album.robustness(image, condition) for condition in settings.conditions]
        path = folder / f"robustness-{album.size}-{image.replace('/', '-')}.png"
        write_sheet(path, strips, columns=album.robustness_columns, metadata=_METADATA)


def _write_points(path: Path, summaries: Sequence[Summary], size: int) -> None:
    """Over the same pictures for all methods of a condition, so that the points can be compared."""
    fair = [summary for summary in summaries if summary.fair and summary.task.size == size]
    if any(summary.figures and summary.method != ORIGINAL for summary in fair):
        write_points(path, fair)


def _write_curves(folder: Path, done: Done, settings: EvaluateSettings) -> None:
    curves: dict[str, dict[str, list[Sequence[CurvePoint]]]] = defaultdict(lambda: defaultdict(list))
    for job, outcome in done:
        if outcome.curve:
            curves[job.condition][job.method].append(outcome.curve)
    for condition in settings.conditions:
        if condition.name in curves:
            write_curves(
                folder / f"curves-{folder_name(condition)}.png",
                curves[condition.name],
                eps=PulseSettings().eps,
                sharp_niqe=_sharp_niqe(done, condition.name, max(settings.sizes)),
            )


def _sharp_niqe(done: Done, condition: str, size: int) -> float | None:
    """The mean NIQE of the sharp faces, which the curves' own is to be compared with."""
    found = [
        row.niqe
        for job, outcome in done
        for row in outcome.rows
        if (job.method, job.condition, row.size) == (ORIGINAL, condition, size) and row.niqe is not None
    ]
    return float(np.mean(found)) if found else None
