"""Searches the results of one batch of a run and writes their pictures, in whatever process the generator is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.generators.files.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.provenance.signing import Signature
from photopulse.runs.executor import Executor
from photopulse.runs.failures import FAILURES, reason, together_or_alone
from photopulse.runs.keys import signed_key
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.search.fast import FirstAnswer
from photopulse.search.kit import SearchKit
from photopulse.search.prior import one_hot
from photopulse.search.problem import SearchState
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.doubts import doubt
from photopulse.upscaling.frames import StepRecorder
from photopulse.upscaling.keys import run_key
from photopulse.upscaling.upscale import UpscaledFace, UpscaleSettings, check_settings, upscale

WORKER_BYTES: Final = {"fast": 1280 * 2**20, "classic": 2304 * 2**20}
"""Memory that a worker needs, by method; measured with the default generator: 1.0 and 1.9 GiB."""
_SHOWN_EVERY = 4  # Evaluations of the fast search between two recorded pictures.


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One result to search for.

    Attributes:
        place: its place in the report.
        source: picture of the input.
        output: file of the result.
        target: the small face (1, 3, h, h) in [0, 1].
        seed: its random seed.
        key: key of the result.
        face: number of the face in its photo, from 1; None if the input is a small face.
    """

    place: int
    source: Path
    output: Path
    target: Tensor
    seed: int
    key: str
    face: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class UpscaleTask:
    """Results that are searched at once, whose targets have one shape, and the settings of the run."""

    jobs: Sequence[Job]
    settings: BatchSettings

    @property
    def folders(self) -> Sequence[Path]:
        recorded = [recorder(job.output, self.settings).folder for job in self.jobs]
        return [*(job.output.parent for job in self.jobs), *(folder for folder in recorded if folder is not None)]


@dataclass(frozen=True, kw_only=True)
class UpscaleFacts:
    """What a run must know of the generator.

    Attributes:
        name: its name.
        resolution: height and width of its pictures in px.
        run_key: see ``keys.run_key``, with the signature.
    """

    name: str
    resolution: int
    run_key: str


Upscalers = Executor[UpscaleFacts, UpscaleTask, list[ReportItem]]


@dataclass(frozen=True, kw_only=True)
class UpscaleLoader:
    """Loads a worker.

    Attributes:
        generator: name or path of the generator.
        settings: settings of the run.
        device: device of the generator.
    """

    generator: str
    settings: BatchSettings
    device: str = "cpu"

    def __call__(self) -> "UpscaleWorker":
        """Loads the generator; PhotopulseError if that fails, or if the settings do not fit it."""
        return UpscaleWorker(load_generator(self.generator, self.device), self.settings)


class UpscaleWorker:
    """A generator with what its searches need, and what is done with each batch.

    Raises:
        PhotopulseError: if the settings do not fit the generator.
    """

    def __init__(self, generator: Generator, settings: BatchSettings) -> None:
        check_settings(settings.upscale, generator)
        self._kit = SearchKit.find(generator, label=one_hot(settings.upscale.label, generator))
        key = run_key(self._kit, settings.upscale, batch_size=settings.batch_size)
        self._facts = UpscaleFacts(
            name=generator.name, resolution=generator.resolution, run_key=signed_key(key, settings.signature)
        )
        # Signed credentials name the generator's weights.
        self._fingerprint = "" if settings.signature is None else weights_hash(generator)
        # The face that was searched last, and what was found.
        self._target: Tensor | None = None
        self._first = FirstAnswer()

    @property
    def facts(self) -> UpscaleFacts:
        return self._facts

    def do(self, task: UpscaleTask, watcher: Watcher) -> list[ReportItem]:
        """Searches all jobs in one batch; if that fails, each alone; returns a row for each, also where it fails."""
        answers = together_or_alone(task.jobs, lambda jobs: self._answers(jobs, task.settings, watcher))
        return [
            failed(job, answer)
            if isinstance(answer, str)
            else _written(job, *answer, task.settings.signature, self._fingerprint)
            for job, answer in answers
        ]

    def _answers(
        self, jobs: Sequence[Job], settings: BatchSettings, watcher: Watcher
    ) -> list[tuple[UpscaledFace, StepRecorder]]:
        """Searches the jobs in one batch, and returns the face and the recorder of each."""
        others = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        watcher.start(f"{jobs[0].output.name}{others}", settings.upscale.most_steps)
        recorders = [recorder(job.output, settings) for job in jobs]

        # Record and report each step of the search.
        def on_step(state: SearchState) -> None:
            for i, each in enumerate(recorders):
                each.add(state.step, state.image[i : i + 1])
            watcher.step(state.step, figures=state.figures)

        faces = upscale(
            torch.cat([job.target for job in jobs]),
            self._kit,
            seed=[job.seed for job in jobs],
            settings=_searched(settings),
            on_step=on_step,
            batch_size=settings.batch_size,
            first=self._first_answer(jobs, settings),
        )
        return list(zip(faces, recorders, strict=True))

    def _first_answer(self, jobs: Sequence[Job], settings: BatchSettings) -> FirstAnswer | None:
        """Returns what the last search of the same face found; None where every step of a search is recorded."""
        if settings.batch_size > 1 or settings.save_steps or settings.gif:
            return None
        if self._target is None or not torch.equal(jobs[0].target, self._target):
            self._target, self._first = jobs[0].target, FirstAnswer()
        return self._first


def recorder(output: Path, settings: BatchSettings) -> StepRecorder:
    """Returns the recorder of a result's search."""
    return StepRecorder(
        folder=output.with_name(f"{output.stem}_steps") if settings.save_steps else None,
        gif=output.with_suffix(".gif") if settings.gif else None,
    )


def failed(job: Job, error: str) -> ReportItem:
    """Returns the row of a result that could not be made."""
    return ReportItem(input=str(job.source), status="failed", error=error, seed=job.seed, face=job.face)


def _searched(settings: BatchSettings) -> UpscaleSettings:
    """Returns the settings of a search, with pictures of it if they are recorded; these do not change the result."""
    if not (settings.save_steps or settings.gif):
        return settings.upscale
    return replace(settings.upscale, fast=replace(settings.upscale.fast, show_every=_SHOWN_EVERY))


def _written(
    job: Job, face: UpscaledFace, steps: StepRecorder, signature: Signature | None, fingerprint: str
) -> ReportItem:
    # Write the pictures, then make the row; a failure to write becomes a failed row.
    try:
        steps.finish(face.image)
        face.save(job.output, source=job.source.name, signature=signature, fingerprint=fingerprint)
    except FAILURES as error:
        return failed(job, reason(error))
    return ReportItem(
        input=str(job.source),
        output=str(job.output),
        status=face.status,
        key=job.key,
        doubt=doubt(job.target),
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
