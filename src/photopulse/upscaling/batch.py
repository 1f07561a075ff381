"""Upscales many small faces (or photos) in batches; runs can be resumed, and a failed input stops no other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.generators.protocol import Generator
from photopulse.runs.executor import Executor, InProcess, Lost
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.names import canonical, face_names, refuse_to_overwrite, unique_stems
from photopulse.runs.overall import Overall
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.upscaling.align import align
from photopulse.upscaling.answers import Answers
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.inputs import fit_target, listed, read_target, target_sizes
from photopulse.upscaling.keys import answer_key
from photopulse.upscaling.worker import Job, Upscalers, UpscaleTask, UpscaleWorker, failed, recorder

COMMAND = "upscale"


def upscale_files(
    files: Sequence[Path],
    folder: Path,
    generator: Generator | Upscalers,
    settings: BatchSettings,
    watcher: Watcher | None = None,
    *,
    detector: FaceDetector | None = None,
    mirrored: Sequence[Path] = (),
    more: Iterable[Sequence[Path]] = (),
) -> list[ReportItem]:
    """Upscales all files into ``folder`` and keeps ``folder/report.json`` up to date.

    Args:
        files: pictures, see ``images.image_files``.
        folder: folder of the results ``<stem>.png``, or ``<stem>_<k>.png`` if there are several for each face; in a
            photo of several faces the stem is ``<stem>_face<n>``.
        generator: generator from ``load_generator``, or workers that have loaded one each for these settings.
        settings: settings of the batch.
        watcher: receives reports of progress; none are made if None.
        detector: face detector for photos, from ``FaceDetector.load``; loaded when it is needed if None.
        mirrored: folders whose subfolders are created in the results' folder, too.
        more: lists of files that come while the run goes on, see ``runs.watch``; an empty list says that none has come.

    Returns:
        One row per result or failed input, in the order of the files. If the run ends early (by Ctrl-C, for example),
        finished results are in the folder's log, and the same call continues from there.

    Raises:
        PhotopulseError: if the settings are invalid for every input, or the folder cannot be written to.
    """
    upscalers = generator if isinstance(generator, Executor) else InProcess(UpscaleWorker(generator, settings))
    _check_size(settings, upscalers.facts.name, upscalers.facts.resolution)
    if settings.align_size is not None:
        detector = detector or FaceDetector.load()
    return _Run(folder, upscalers, settings, watcher or Watcher(), detector).all(files, mirrored, more)


def _check_size(settings: BatchSettings, name: str, resolution: int) -> None:
    sizes = target_sizes(resolution)
    if settings.align_size is not None and settings.align_size not in sizes:
        raise PhotopulseError(
            f"cannot upscale faces of {settings.align_size} px",
            why=f"{name} makes {resolution} px, so the search takes {listed(sizes)} px",
            fix="give --align one of these",
        )


def _batches(jobs: Iterable[Job | None], size: int) -> Iterator[list[Job] | None]:
    """Yields batches of up to ``size`` consecutive jobs whose targets have the same shape; None ends a batch."""
    batch: list[Job] = []
    for job in jobs:
        if job is None:
            if batch:
                yield batch
                batch = []
            yield None
            continue
        if batch and batch[0].target.shape != job.target.shape:
            yield batch
            batch = []
        batch.append(job)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class _Run:
    """One run over many files: plans the jobs that are left and records the rows of all."""

    def __init__(
        self,
        folder: Path,
        upscalers: Upscalers,
        settings: BatchSettings,
        watcher: Watcher,
        detector: FaceDetector | None,
    ) -> None:
        self._report = Report(folder, COMMAND, resume=settings.resume)
        self._folder = folder
        self._upscalers = upscalers
        self._settings = settings
        self._watcher = watcher
        self._detector = detector
        self._places = count()
        self._gathered = Answers(settings.count)

    def all(self, files: Sequence[Path], mirrored: Sequence[Path], more: Iterable[Sequence[Path]]) -> list[ReportItem]:
        with self._report as report:
            # A single worker shows the steps of each search, several show the inputs that are finished.
            overall = Overall(self._watcher, "upscaling", len(files)) if self._upscalers.several else None
            left = _Left(overall)
            batches = _batches(self._plan(files, mirrored, more, left), self._settings.batch_size)
            tasks = (None if jobs is None else UpscaleTask(jobs=jobs, settings=self._settings) for jobs in batches)
            for task, done in self._upscalers.run(tasks, overall or self._watcher):
                for job, row in zip(task.jobs, _rows(task, done), strict=True):
                    self._add(job.place, row)
                    left.finished(job.source)
        return report.items

    def _plan(
        self, files: Sequence[Path], mirrored: Sequence[Path], more: Iterable[Sequence[Path]], left: "_Left"
    ) -> Iterator[Job | None]:
        """Yields the jobs that are left, None where there is none now; adds the rows of all that need no search."""
        known = list(files)
        yield from self._plan_some(files, unique_stems(files, mirrored), {canonical(file) for file in files}, left)
        for new in more:
            if not new:
                yield None
                continue
            known += new
            left.come(len(new))
            # The stems are unlike those of all files before.
            stems = unique_stems(known, mirrored)[len(known) - len(new) :]
            yield from self._plan_some(new, stems, {canonical(file) for file in known}, left)

    def _plan_some(self, files: Sequence[Path], stems: Sequence[str], inputs: set[str], left: "_Left") -> Iterator[Job]:
        for source, stem in zip(files, stems, strict=True):
            try:
                targets = self._read(source)
            except FAILURES as error:
                self._add(next(self._places), ReportItem(input=str(source), status="failed", error=reason(error)))
                left.begun(source, 0)
                continue
            jobs = [job for job in self._jobs(source, stem, targets) if self._is_left(job, inputs)]
            left.begun(source, len(jobs))
            yield from jobs

    def _read(self, source: Path) -> list[Tensor]:
        if self._settings.align_size is not None:
            return [face.image for face in align(source, size=self._settings.align_size, detector=self._detector)]
        read = fit_target if self._settings.fit else read_target
        return [read(source, resolution=self._upscalers.facts.resolution)]

    def _jobs(self, source: Path, stem: str, targets: Sequence[Tensor]) -> Iterator[Job]:
        # One job for each face and each seed.
        answers = self._settings.count
        names = face_names(stem, len(targets))
        for face, (name, target) in enumerate(zip(names, targets, strict=True), start=1):
            for k in range(answers):
                seed = self._settings.seed + k
                yield Job(
                    place=next(self._places),
                    source=source,
                    output=self._folder / (f"{name}_{k}.png" if answers > 1 else f"{name}.png"),
                    target=target,
                    seed=seed,
                    key=answer_key(self._upscalers.facts.run_key, target, seed),
                    face=face if self._settings.align_size is not None else None,
                )

    def _is_left(self, job: Job, inputs: set[str]) -> bool:
        """Returns whether the job must be searched; adds its row if not."""
        # Refuse to overwrite an input.
        steps = recorder(job.output, self._settings)
        try:
            for path in (job.output, steps.gif or job.output):
                refuse_to_overwrite(path, inputs)
        except PhotopulseError as error:
            self._add(job.place, failed(job, str(error)))
            return False
        # Look for the result of an earlier run, and keep its row.
        done = self._report.finished(job.output, job.key)
        if done is None or not steps.is_written:
            return True
        row = replace(done, input=str(job.source), output=str(job.output))
        self._report.keep(job.place, row)
        self._complete(job.place, row)
        self._watcher.end(row, resumed=True)
        return False

    def _add(self, place: int, item: ReportItem) -> None:
        self._report.add(place, item)
        self._complete(place, item)
        self._watcher.end(item)

    def _complete(self, place: int, item: ReportItem) -> None:
        for known_place, row in self._gathered.add(place, item):
            self._report.add(known_place, row)


class _Left:
    """Counts the results that are left of each input, and tells when an input is finished."""

    def __init__(self, overall: Overall | None) -> None:
        self._overall = overall
        self._left: Counter[Path] = Counter()

    def come(self, inputs: int) -> None:
        if self._overall is not None:
            self._overall.more(inputs)

    def begun(self, source: Path, results: int) -> None:
        self._left[source] += results
        self._tell(source)

    def finished(self, source: Path) -> None:
        self._left[source] -= 1
        self._tell(source)

    def _tell(self, source: Path) -> None:
        if self._left[source] == 0 and self._overall is not None:
            self._overall.finished()


def _rows(task: UpscaleTask, done: list[ReportItem] | Lost) -> list[ReportItem]:
    if not isinstance(done, Lost):
        return done
    fix = "use fewer --workers if the memory is full, and run again"
    return [
        failed(job, str(PhotopulseError(f"cannot upscale {job.source}", why=done.why, fix=fix))) for job in task.jobs
    ]
