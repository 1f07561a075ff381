"""Aligns the faces of one photo of a run and writes them, in whatever process the detector is."""

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photopulse.faces.align import AlignedFace
from photopulse.faces.detect import FaceDetector
from photopulse.images import write_image
from photopulse.runs.executor import Executor
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.names import face_names, refuse_to_overwrite
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.upscaling.align import align

WORKER_BYTES: Final = 1280 * 2**20
"""Memory that a worker needs; measured: 0.3 GiB for small photos, 1.2 GiB for one of 24 megapixels."""


@dataclass(frozen=True, kw_only=True)
class AlignTask:
    """A photo whose faces are to be aligned.

    Attributes:
        place: place of the photo among those of the run, from 0.
        source: the photo.
        stem: stem of its results, which may begin with subfolders.
        folder: folder of the results.
        size: height and width of the faces in px.
        padding: see ``align``.
        inputs: inputs of the run that a result could overwrite, by their ``canonical`` names.
    """

    place: int
    source: Path
    stem: str
    folder: Path
    size: int
    padding: bool
    inputs: Set[str]

    @property
    def folders(self) -> Sequence[Path]:
        return [(self.folder / self.stem).parent]


Aligners = Executor[None, AlignTask, list[ReportItem]]


@dataclass(frozen=True, kw_only=True)
class AlignLoader:
    """Loads a worker."""

    def __call__(self) -> "AlignWorker":
        """Loads the face detector; PhotopulseError if that fails."""
        return AlignWorker(FaceDetector.load())


class AlignWorker:
    """A face detector, and what is done with each photo."""

    facts = None

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector

    def do(self, task: AlignTask, watcher: Watcher) -> list[ReportItem]:
        """Aligns all faces of a photo and writes them; returns a row for each, or one if the photo fails."""
        watcher.step(task.place, doing=task.source.name)
        started = time.perf_counter()
        try:
            faces = align(task.source, size=task.size, detector=self._detector, padding=task.padding)
        except FAILURES as error:
            return [failed(task, error)]
        seconds = (time.perf_counter() - started) / len(faces)
        outputs = [task.folder / f"{name}.png" for name in face_names(task.stem, len(faces))]
        return [
            _written(task, output, face, number, seconds)
            for number, (output, face) in enumerate(zip(outputs, faces, strict=True), start=1)
        ]


def failed(task: AlignTask, error: BaseException, *, face: int | None = None) -> ReportItem:
    """Returns the row of a photo, or of one of its faces, that failed."""
    return ReportItem(input=str(task.source), status="failed", error=reason(error), face=face)


def _written(task: AlignTask, output: Path, face: AlignedFace, number: int, seconds: float) -> ReportItem:
    try:
        refuse_to_overwrite(output, task.inputs)
        write_image(output, face.image)
    except FAILURES as error:
        return failed(task, error, face=number)
    return ReportItem(
        input=str(task.source),
        output=str(output),
        status="aligned",
        seconds=round(seconds, 3),
        size=(face.image.shape[-1], face.image.shape[-2]),
        face=number,
        quad=tuple((round(float(x), 2), round(float(y), 2)) for x, y in face.alignment.quad),
    )
