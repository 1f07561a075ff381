"""Draws the figures of an evaluation: sheets of pictures, plots of the conditions and the courses of searches."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from photopulse.degrade import Corruptions, folder_name, make_degradation
from photopulse.evaluation.inputs import corrupted
from photopulse.evaluation.jobs import Job, Outcome
from photopulse.evaluation.measuring import at_size
from photopulse.evaluation.plots import write_curves, write_points
from photopulse.evaluation.records import CurvePoint
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.summaries import ORIGINAL, Summary
from photopulse.images import read_image
from photopulse.reporting.strips import Strip, write_sheet
from photopulse.search.pulse import PulseSettings

Done = Sequence[tuple[Job, Outcome]]

_INPUT, _CORRUPTED = "input", "corrupted"

SHOWN_FACES = 6
_METADATA = {"Description": "Methods compared by photopulse; what they add to a face is imagined, it identifies no one"}


class Album:
    """Finds the pictures of one size by condition, method and image.

    Args:
        jobs: successful jobs of that size.
        size: side in px at which the pictures are shown.
        settings: settings of the evaluation.
    """

    def __init__(self, jobs: Sequence[Job], size: int, settings: EvaluateSettings) -> None:
        self.size = size
        self._jobs = {(job.condition, job.method, job.image): job for job in jobs}
        self._settings = settings
        methods = list(dict.fromkeys(job.method for job in jobs if job.method != ORIGINAL))
        self.face_columns = [ORIGINAL, _INPUT, *methods]
        self.robustness_columns = [_CORRUPTED, _INPUT, *methods, ORIGINAL]

    def face(self, image: str, condition: Corruptions) -> Strip:
        """Returns a strip of original, input and results, all at one size, each above its downscaled version."""
        return self._strip(self.face_columns, image, condition, whole=())

    def robustness(self, image: str, condition: Corruptions) -> Strip:
        """Returns a strip of the corrupted face, its input, the results and the original (PULSE, Fig. 6).

        The first and the last stay in full size, because downscaling would hide the corruption.
        """
        whole = (_CORRUPTED, ORIGINAL)
        return self._strip(self.robustness_columns, image, condition, whole=whole, label=condition.name)

    def _strip(
        self, columns: Sequence[str], image: str, condition: Corruptions, *, whole: Sequence[str], label: str = ""
    ) -> Strip:
        pictures: list[Tensor | None] = []
        below: list[Tensor | None] = []
        for column in columns:
            picture = self._picture(column, image, condition)
            as_it_is = column in (_INPUT, *whole)
            is_input = column in (_INPUT, _CORRUPTED)  # What the corrupted face downscales to is the input.
            pictures.append(picture if picture is None or as_it_is else at_size(picture, self.size))
            below.append(None if picture is None or is_input else self._downscaled(picture))
        return Strip(pictures=pictures, below=below, label=label)

    def _picture(self, column: str, image: str, condition: Corruptions) -> Tensor | None:
        """Returns a picture in full size, (1, 3, H, W); None if it does not exist."""
        method = ORIGINAL if column in {_INPUT, _CORRUPTED} else column
        job = self._jobs.get((condition.name, method, image))
        if job is None:
            return None
        if column == _CORRUPTED:
            return corrupted(job.sharp, condition, self._settings.seed)
        return read_image(job.given if column == _INPUT else job.picture).pixels

    def _downscaled(self, picture: Tensor) -> Tensor:
        factor = picture.shape[-1] // self._settings.small
        return make_degradation(self._settings.degradation, factor=factor)(picture).clamp(0, 1)


def write_figures(folder: Path, done: Done, summaries: Sequence[Summary], settings: EvaluateSettings) -> None:
    """Draws the figures for which there are results, into ``folder``.

    ``faces-<condition>-<size>.png`` shows six faces with the results of each method and, below, the downscaled
    results; ``robustness-<size>-<face>.png`` one face under all conditions; ``robustness-<size>.png`` the measures
    under each condition; ``curves-<condition>.png`` the courses of searches. For restored photos there are
    ``photos-<level>.png``, which shows whole photos and their faces, and ``robustness.png``.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    # Choose the pictures to show.
    jobs = [job for job, outcome in done if outcome.error is None]
    results = Counter(job.image for job in jobs)
    images = sorted(results, key=results.__getitem__, reverse=True)[:SHOWN_FACES]  # Those that most methods have.
    # Photos by level, or faces by size.
    if settings.restore:
        for level in settings.restore if images else ():
            _write_photos(folder / f"photos-{level}.png", [job for job in jobs if job.condition == level], images)
        if len(settings.restore) > 1:
            _write_points(folder / "robustness.png", summaries, None)
        return
    for size in settings.sizes:
        album = Album([job for job in jobs if size in job.views], size, settings)
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


def _write_photos(path: Path, jobs: Sequence[Job], images: Sequence[str]) -> None:
    """Writes a sheet of the photos of one level: each by all methods, and below it the faces, enlarged as much."""
    by = {(job.method, job.image): job for job in jobs}
    columns = list(dict.fromkeys(job.method for job in jobs))
    strips: list[Strip] = []
    for image in images:
        found = [by.get((method, image)) for method in columns]
        pictures = [None if job is None else read_image(job.picture).pixels for job in found]
        strips.append(Strip(pictures=pictures, label=image))
        face = next((job.face for job in found if job is not None), None)
        if face is not None:
            strips.append(Strip(pictures=[None if picture is None else face.cut(picture) for picture in pictures]))
    if strips:
        write_sheet(path, strips, columns=columns, metadata=_METADATA)


def _write_robustness(folder: Path, album: Album, images: Sequence[str], settings: EvaluateSettings) -> None:
    for image in images:
        strips = [album.robustness(image, condition) for condition in settings.conditions]
        path = folder / f"robustness-{album.size}-{image.replace('/', '-')}.png"
        write_sheet(path, strips, columns=album.robustness_columns, metadata=_METADATA)


def _write_points(path: Path, summaries: Sequence[Summary], size: int | None) -> None:
    """Writes a plot of the measures, for each condition over pictures that all methods share, so that they compare."""
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
    """Returns the mean NIQE of the originals, the reference of the curves; None if it was not measured."""
    found = [
        row.values["niqe"]
        for job, outcome in done
        for row in outcome.rows
        if (job.method, job.condition, row.size) == (ORIGINAL, condition, size) and "niqe" in row.values
    ]
    return float(np.mean(found)) if found else None
