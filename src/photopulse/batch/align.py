"""Many photos to aligned faces."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from photopulse.batch.names import unique_stems
from photopulse.batch.report import ReportItem, write_report
from photopulse.errors import PhotopulseError
from photopulse.faces.align import AlignedFace
from photopulse.faces.detect import FaceDetector
from photopulse.images import write_image
from photopulse.pipeline import align

COMMAND = "align"


def align_files(
    files: Sequence[Path],
    folder: Path,
    detector: FaceDetector,
    *,
    size: int = 32,
    padding: bool = True,
    on_item: Callable[[ReportItem], None] = lambda _item: None,
) -> list[ReportItem]:
    """Aligns all faces of all photos into ``folder``.

    Writes ``<stem>.png``, or ``<stem>_face<n>.png`` where a photo has several.
    A photo that cannot be read or has no face becomes a failed row; the others go on. ``folder/report.json``
    tells what became of each and where in the photo each face was.
    """
    items: list[ReportItem] = []
    for source, stem in zip(files, unique_stems(files), strict=True):
        for item in _align_one(source, stem, folder, detector, size=size, padding=padding):
            items.append(item)
            write_report(folder / "report.json", COMMAND, items)
            on_item(item)
    return items


def _align_one(
    source: Path, stem: str, folder: Path, detector: FaceDetector, *, size: int, padding: bool
) -> Iterator[ReportItem]:
    started = time.perf_counter()
    try:
        faces = align(source, size=size, detector=detector, padding=padding)
        seconds = (time.perf_counter() - started) / len(faces)
        for number, face in enumerate(faces, start=1):
            output = folder / (f"{stem}_face{number}.png" if len(faces) > 1 else f"{stem}.png")
            write_image(output, face.image)
            yield _row(source, output, face, number, seconds)
    except PhotopulseError as error:
        yield ReportItem(input=str(source), status="failed", error=str(error))


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
