"""Aligns the faces of many photos and writes them into a folder."""

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from photopulse.faces.align import AlignedFace
from photopulse.faces.detect import FaceDetector
from photopulse.images import write_image
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.names import canonical, face_names, refuse_to_overwrite, unique_stems
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.upscaling.align import align, check_size

COMMAND = "align"


def align_files(
    files: Sequence[Path],
    folder: Path,
    detector: FaceDetector,
    *,
    size: int = 32,
    padding: bool = True,
    mirrored: Sequence[Path] = (),
    watcher: Watcher | None = None,
) -> list[ReportItem]:
    """Aligns all faces of all photos into ``folder``.

    Writes ``<stem>.png``, or ``<stem>_face<n>.png`` where a photo has several.
    A photo that cannot be read or has no face becomes a failed row; the others go on. ``folder/report.json``
    records the status of each and the place of each face in its photo. The subfolders of the folders ``mirrored``
    are created in ``folder``, too.

    Raises:
        PhotopulseError: for a size that does not divide 1024, and a folder that cannot be written to.
    """
    check_size(size)
    watcher = watcher or Watcher()
    inputs = {canonical(file) for file in files}
    places = count()
    with Report(folder, COMMAND, resume=False) as report:
        for source, stem in zip(files, unique_stems(files, mirrored), strict=True):
            # Align all faces of one photo; a failure becomes its row.
            started = time.perf_counter()
            try:
                faces = align(source, size=size, detector=detector, padding=padding)
            except FAILURES as error:
                rows = [ReportItem(input=str(source), status="failed", error=reason(error))]
            else:
                seconds = (time.perf_counter() - started) / len(faces)
                outputs = [folder / f"{name}.png" for name in face_names(stem, len(faces))]
                rows = [
                    _written(source, output, face, number, seconds, inputs)
                    for number, (output, face) in enumerate(zip(outputs, faces, strict=True), start=1)
                ]
            # Record one row per face.
            for row in rows:
                report.add(next(places), row)
                watcher.end(row)
    return report.items


def _written(
    source: Path, output: Path, face: AlignedFace, number: int, seconds: float, inputs: set[str]
) -> ReportItem:
    try:
        refuse_to_overwrite(output, inputs)
        write_image(output, face.image)
    except FAILURES as error:
        return ReportItem(input=str(source), status="failed", error=reason(error), face=number)
    return _row(source, output, face, number, seconds)


def _row(source: Path, output: Path, face: AlignedFace, number: int, seconds: float) -> ReportItem:
    return ReportItem(
        input=str(source),
        output=str(output),
        status="aligned",
        seconds=round(seconds, 3),
        size=(face.image.shape[-1], face.image.shape[-2]),
        face=number,
        quad=tuple((round(float(x), 2), round(float(y), 2)) for x, y in face.alignment.quad),
    )
