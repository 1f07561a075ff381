"""The figures of an evaluation: faces side by side, conditions below each other, the course of searches."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from photopulse.batch.evaluate_job import Job, Outcome
from photopulse.batch.evaluate_settings import ORIGINAL, EvaluateSettings
from photopulse.degrade import Corruptions, folder_name, make_degradation
from photopulse.images import read_image
from photopulse.pipeline.measure import at_size
from photopulse.pipeline.method import CurvePoint
from photopulse.search.pulse import PulseSettings
from photopulse.studies.curves import write_curves
from photopulse.studies.strips import Strip, write_sheet

Done = Sequence[tuple[Job, Outcome]]

SHOWN_FACES = 6
_INPUT = "input"
_METADATA = {"Description": "Methods compared by photopulse; what they add to a face is imagined, it identifies no one"}


def write_figures(folder: Path, done: Done, settings: EvaluateSettings) -> None:
    """Draws what there is to draw.

    ``faces-<condition>-<size>.png`` holds the first faces with what each method made of them and, below, what that
    downscales to; ``robustness-<size>-<face>.png`` the conditions of one face; ``curves-<condition>.png`` the
    course of searches.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    jobs = [job for job, outcome in done if outcome.error is None]
    images = list(dict.fromkeys(job.image for job in jobs))[:SHOWN_FACES]
    for size in settings.sizes:
        album = _Album([job for job in jobs if size in job.sizes], size, settings)
        for condition in settings.conditions:
            strips = [album.strip(image, condition) for image in images]
            _write(folder / f"faces-{folder_name(condition)}-{size}.png", strips, album)
        if len(settings.conditions) > 1:
            for image in images:
                strips = [album.strip(image, condition, label=condition.name) for condition in settings.conditions]
                _write(folder / f"robustness-{size}-{image}.png", strips, album)
    _write_curves(folder, done, settings)


def _write(path: Path, strips: Sequence[Strip], album: "_Album") -> None:
    if strips:
        write_sheet(path, strips, columns=album.columns, metadata=_METADATA)


class _Album:
    """The pictures of one size by condition, method and image."""

    def __init__(self, jobs: Sequence[Job], size: int, settings: EvaluateSettings) -> None:
        self._jobs = {(job.condition, job.method, job.image): job for job in jobs}
        self._size = size
        self._settings = settings
        methods = dict.fromkeys(job.method for job in jobs if job.method != ORIGINAL)
        self.columns = [ORIGINAL, _INPUT, *methods]

    def strip(self, image: str, condition: Corruptions, *, label: str = "") -> Strip:
        """Lines up the face, its input and the results."""
        pictures: list[Tensor | None] = []
        below: list[Tensor | None] = []
        for column in self.columns:
            job = self._jobs.get((condition.name, ORIGINAL if column == _INPUT else column, image))
            picture = None if job is None else read_image(job.small if column == _INPUT else job.picture).pixels
            pictures.append(picture if column == _INPUT or picture is None else at_size(picture, self._size))
            below.append(None if column == _INPUT or picture is None else self._downscaled(picture))
        return Strip(pictures=pictures, below=below, label=label)

    def _downscaled(self, picture: Tensor) -> Tensor:
        factor = picture.shape[-1] // self._settings.small
        return make_degradation(self._settings.degradation, factor=factor)(picture).clamp(0, 1)


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
