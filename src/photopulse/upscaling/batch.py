"""Upscales many small faces (or photos) in batches; runs can be resumed, and a failed input stops no other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.generators.protocol import Generator
from photopulse.provenance.signing import Signature
from photopulse.runs.failures import FAILURES, reason, together_or_alone
from photopulse.runs.keys import signed_key
from photopulse.runs.names import canonical, face_names, refuse_to_overwrite, unique_stems
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.search.fast import FirstAnswer
from photopulse.search.kit import SearchKit
from photopulse.search.prior import one_hot
from photopulse.search.problem import SearchState
from photopulse.upscaling.align import align
from photopulse.upscaling.answers import Answers
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.frames import StepRecorder
from photopulse.upscaling.inputs import fit_target, listed, read_target, target_sizes
from photopulse.upscaling.keys import answer_key, run_key
from photopulse.upscaling.upscale import UpscaledFace, UpscaleSettings, check_settings, upscale

COMMAND = "upscale"
_SHOWN_EVERY = 4  # Evaluations of the fast search between two recorded pictures.


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    """One result to search for: its place in the report, its target, and the file of the picture."""

    place: int
    source: Path
    output: Path
    target: Tensor
    seed: int
    key: str
    face: int | None


def upscale_files(
    files: Sequence[Path],
    folder: Path,
    generator: Generator,
    settings: BatchSettings,
    watcher: Watcher | None = None,
    *,
    detector: FaceDetector | None = None,
    mirrored: Sequence[Path] = (),
) -> list[ReportItem]:
    """Upscales all files into ``folder`` and keeps ``folder/report.json`` up to date.

    Args:
        files: pictures, see ``images.image_files``.
        folder: folder of the results ``<stem>.png``, or ``<stem>_<k>.png`` if there are several for each face; in a
            photo of several faces the stem is ``<stem>_face<n>``.
        generator: generator from ``load_generator``.
        settings: settings of the batch.
        watcher: receives reports of progress; none are made if None.
        detector: face detector for photos, from ``FaceDetector.load``; loaded when it is needed if None.
        mirrored: folders whose subfolders are created in the results' folder, too.

    Returns:
        One row per result or failed input, in the order of the files. If the run ends early (by Ctrl-C, for example),
        finished results are in the folder's log, and the same call continues from there.

    Raises:
        PhotopulseError: if the settings are invalid for every input, or the folder cannot be written to.
    """
    _check(settings, generator)
    if settings.align_size is not None:
        detector = detector or FaceDetector.load()
    run = _Run(folder, generator, settings, watcher or Watcher(), detector)
    with run.report as report:
        for jobs in _batches(run.plan(files, mirrored), settings.batch_size):
            run.search(jobs)
    return report.items


def _check(settings: BatchSettings, generator: Generator) -> None:
    check_settings(settings.upscale, generator)
    sizes = target_sizes(generator.resolution)
    if settings.align_size is not None and settings.align_size not in sizes:
        raise PhotopulseError(
            f"cannot upscale faces of {settings.align_size} px",
            why=f"{generator.name} makes {generator.resolution} px, so the search takes {listed(sizes)} px",
            fix="give --align one of these",
        )


def _batches(jobs: Iterable[_Job], size: int) -> Iterator[list[_Job]]:
    """Yields batches of up to ``size`` consecutive jobs whose targets have the same shape."""
    batch: list[_Job] = []
    for job in jobs:
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
    """One run over many files: plans the jobs that are left and searches them. Both add rows to the report."""

    def __init__(
        self,
        folder: Path,
        generator: Generator,
        settings: BatchSettings,
        watcher: Watcher,
        detector: FaceDetector | None,
    ) -> None:
        self.report = Report(folder, COMMAND, resume=settings.resume)
        self._folder = folder
        self._generator = generator
        self._settings = settings
        self._watcher = watcher
        self._detector = detector
        self._kit = SearchKit.find(generator, label=one_hot(settings.upscale.label, generator))
        self._run_key = signed_key(
            run_key(self._kit, settings.upscale, batch_size=settings.batch_size), settings.signature
        )
        self._target: Tensor | None = None
        self._first = FirstAnswer()
        self._places = count()
        self._gathered = Answers(settings.count)

    def plan(self, files: Sequence[Path], mirrored: Sequence[Path]) -> Iterator[_Job]:
        """Yields the jobs that are left, and adds a row for each input that failed and each job already finished."""
        inputs = {canonical(file) for file in files}
        for source, stem in zip(files, unique_stems(files, mirrored), strict=True):
            try:
                targets = self._read(source)
            except FAILURES as error:
                self._add(next(self._places), ReportItem(input=str(source), status="failed", error=reason(error)))
                continue
            for job in self._jobs(source, stem, targets):
                if self._is_left(job, inputs):
                    yield job

    def search(self, jobs: Sequence[_Job]) -> None:
        """Searches all jobs in one batch; if that fails, searches each alone, and adds a failed row where it fails."""
        for job, answer in together_or_alone(jobs, self._answers):
            row = _failed(job, answer) if isinstance(answer, str) else _written(job, *answer, self._settings.signature)
            self._add(job.place, row)

    def _read(self, source: Path) -> list[Tensor]:
        if self._settings.align_size is not None:
            return [face.image for face in align(source, size=self._settings.align_size, detector=self._detector)]
        read = fit_target if self._settings.fit else read_target
        return [read(source, resolution=self._generator.resolution)]

    def _jobs(self, source: Path, stem: str, targets: Sequence[Tensor]) -> Iterator[_Job]:
        # One job for each face and each seed.
        answers = self._settings.count
        names = face_names(stem, len(targets))
        for face, (name, target) in enumerate(zip(names, targets, strict=True), start=1):
            for k in range(answers):
                seed = self._settings.seed + k
                yield _Job(
                    place=next(self._places),
                    source=source,
                    output=self._folder / (f"{name}_{k}.png" if answers > 1 else f"{name}.png"),
                    target=target,
                    seed=seed,
                    key=answer_key(self._run_key, target, seed),
                    face=face if self._settings.align_size is not None else None,
                )

    def _is_left(self, job: _Job, inputs: set[str]) -> bool:
        """Returns whether the job must be searched; adds its row if not."""
        # Refuse to overwrite an input.
        recorder = self._recorder(job)
        try:
            for path in (job.output, recorder.gif or job.output):
                refuse_to_overwrite(path, inputs)
        except PhotopulseError as error:
            self._add(job.place, _failed(job, str(error)))
            return False
        # Look for the result of an earlier run, and keep its row.
        done = self.report.finished(job.output, job.key)
        if done is None or not recorder.is_written:
            return True
        row = replace(done, input=str(job.source), output=str(job.output))
        self.report.keep(job.place, row)
        self._complete(job.place, row)
        self._watcher.end(row, resumed=True)
        return False

    def _answers(self, jobs: Sequence[_Job]) -> list[tuple[UpscaledFace, StepRecorder]]:
        """Searches the jobs in one batch, and returns the face and the recorder of each."""
        others = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        self._watcher.start(f"{jobs[0].output.name}{others}", self._settings.upscale.most_steps)
        recorders = [self._recorder(job) for job in jobs]

        # Record and report each step of the search.
        def on_step(state: SearchState) -> None:
            for i, recorder in enumerate(recorders):
                recorder.add(state.step, state.image[i : i + 1])
            self._watcher.step(state.step, figures=state.figures)

        faces = upscale(
            torch.cat([job.target for job in jobs]),
            self._kit,
            seed=[job.seed for job in jobs],
            settings=self._searched,
            on_step=on_step,
            batch_size=self._settings.batch_size,
            first=self._first_answer(jobs),
        )
        return list(zip(faces, recorders, strict=True))

    def _first_answer(self, jobs: Sequence[_Job]) -> FirstAnswer | None:
        """Returns what the last search of the same face found; None where every step of a search is recorded."""
        if self._settings.batch_size > 1 or self._settings.save_steps or self._settings.gif:
            return None
        if jobs[0].target is not self._target:
            self._target, self._first = jobs[0].target, FirstAnswer()
        return self._first

    @property
    def _searched(self) -> UpscaleSettings:
        """Settings of a search, with intermediate pictures if they are recorded; these do not change the result."""
        settings = self._settings
        if not (settings.save_steps or settings.gif):
            return settings.upscale
        return replace(settings.upscale, fast=replace(settings.upscale.fast, show_every=_SHOWN_EVERY))

    def _recorder(self, job: _Job) -> StepRecorder:
        return StepRecorder(
            folder=job.output.with_name(f"{job.output.stem}_steps") if self._settings.save_steps else None,
            gif=job.output.with_suffix(".gif") if self._settings.gif else None,
        )

    def _add(self, place: int, item: ReportItem) -> None:
        self.report.add(place, item)
        self._complete(place, item)
        self._watcher.end(item)

    def _complete(self, place: int, item: ReportItem) -> None:
        for known_place, row in self._gathered.add(place, item):
            self.report.add(known_place, row)


def _written(job: _Job, face: UpscaledFace, recorder: StepRecorder, signature: Signature | None) -> ReportItem:
    # Write the pictures, then make the row; a failure to write becomes a failed row.
    try:
        recorder.finish(face.image)
        face.save(job.output, source=job.source.name, signature=signature)
    except FAILURES as error:
        return _failed(job, reason(error))
    return ReportItem(
        input=str(job.source),
        output=str(job.output),
        status=face.status,
        key=job.key,
        downscale_mse=face.downscale_mse,
        eps=face.eps,
        steps=face.steps,
        full_evaluations=face.full_evaluations,
        surface=face.surface,
        seconds=round(face.seconds, 3),
        seed=face.seed,
        generator=face.generator,
        method=face.method,
        mark=face.mark,
        signed_by=None if signature is None else signature.name,
        size=(face.image.shape[-1], face.image.shape[-2]),
        face=job.face,
    )


def _failed(job: _Job, error: str) -> ReportItem:
    return ReportItem(input=str(job.source), status="failed", error=error, seed=job.seed, face=job.face)
