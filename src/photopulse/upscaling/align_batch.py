"""Aligns the faces of many photos and writes them into a folder."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.runs.executor import Executor, InProcess, Lost
from photopulse.runs.names import canonical, unique_stems
from photopulse.runs.overall import Overall
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.upscaling.align import check_size
from photopulse.upscaling.align_worker import Aligners, AlignTask, AlignWorker, failed

COMMAND = "align"


def align_files(
    files: Sequence[Path],
    folder: Path,
    detector: FaceDetector | Aligners,
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
    are created in ``folder``, too. ``detector`` comes from ``FaceDetector.load``, or is workers that have one each.

    Raises:
        PhotopulseError: for a size that does not divide 1024, and a folder that cannot be written to.
    """
    check_size(size)
    aligners = detector if isinstance(detector, Executor) else InProcess(AlignWorker(detector))
    tasks = _tasks(files, folder, size=size, padding=padding, mirrored=mirrored)
    with Report(folder, COMMAND, resume=False) as report:
        shown = Overall(watcher or Watcher(), "aligning", len(files))
        for task, done in aligners.run(tasks, shown):
            for number, row in enumerate(_rows(task, done)):
                report.add((task.place, number), row)
                shown.end(row)
            shown.finished()
    return report.items


def _tasks(
    files: Sequence[Path], folder: Path, *, size: int, padding: bool, mirrored: Sequence[Path]
) -> Iterator[AlignTask]:
    inputs = sorted({canonical(file) for file in files})
    for place, (source, stem) in enumerate(zip(files, unique_stems(files, mirrored), strict=True)):
        yield AlignTask(
            place=place,
            source=source,
            stem=stem,
            folder=folder,
            size=size,
            padding=padding,
            inputs=_beginning_with(canonical(folder / stem), inputs),
        )


def _beginning_with(name: str, sorted_names: Sequence[str]) -> frozenset[str]:
    """Returns the names that begin with ``name``, without looking at all of them."""
    first = bisect_left(sorted_names, name)
    last = bisect_left(sorted_names, True, lo=first, key=lambda other: not other.startswith(name))
    return frozenset(sorted_names[first:last])


def _rows(task: AlignTask, done: list[ReportItem] | Lost) -> list[ReportItem]:
    if not isinstance(done, Lost):
        return done
    fix = "use fewer --workers or a smaller photo if the memory is full, and run again"
    return [failed(task, PhotopulseError(f"cannot align {task.source}", why=done.why, fix=fix))]
