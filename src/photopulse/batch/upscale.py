"""Many small faces (or photos) to large faces: batched, resumable, no item's failure stops another's."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from photopulse.batch.frames import StepRecorder
from photopulse.batch.names import unique_stems
from photopulse.batch.report import ReportItem, read_finished, write_report
from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.generators.protocol import Generator
from photopulse.images import to_uint8
from photopulse.pipeline import UpscaledFace, UpscaleSettings, align, fit_target, read_target, run_search
from photopulse.search.pulse import SearchState

COMMAND = "upscale"


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How a folder of faces is worked through.

    Attributes:
        upscale: of each face.
        count: answers for each face.
        seed: of the first answer; answer k has the seed ``seed + k``.
        align_size: the inputs are photos: align their faces to this size first; None for small faces.
        fit: crop and shrink inputs whose size does not fit.
        batch_size: faces that are searched at once.
        save_steps: write each step of each search as a picture.
        gif: write an animation of each search.
        resume: keep what an earlier run with the same settings finished.
    """

    upscale: UpscaleSettings = field(default_factory=UpscaleSettings)
    count: int = 1
    seed: int = 0
    align_size: int | None = None
    fit: bool = False
    batch_size: int = 1
    save_steps: bool = False
    gif: bool = False
    resume: bool = True


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """What the caller wants to hear.

    Attributes:
        on_start: the outputs that a search begins with.
        on_step: after each step of that search.
        on_item: each finished row; ``resumed`` says that an earlier run made it.
    """

    on_start: Callable[[Sequence[str]], None] = lambda _names: None
    on_step: Callable[[SearchState], None] = lambda _state: None
    on_item: Callable[[ReportItem, bool], None] = lambda _item, _resumed: None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
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
) -> list[ReportItem]:
    """Upscales all files into ``folder`` and keeps ``folder/report.json`` up to date after each item.

    Args:
        files: pictures, see ``images.image_files``.
        folder: receives ``<stem>.png``, or ``<stem>_<k>.png`` for several answers.
        generator: from ``load_generator``.
        settings: of the batch.
        watcher: hears of progress.

    Returns:
        One row an output or failed input, in the order of the work. Whatever ends the run early (Ctrl-C too),
        what was finished is in the report, and the same call goes on from there.
    """
    run = _Run(folder, generator, settings, watcher or Watcher())
    pending: list[_Job] = []
    for source, stem in zip(files, unique_stems(files), strict=True):
        for job in run.plan(source, stem):
            if pending and (len(pending) == settings.batch_size or pending[0].target.shape != job.target.shape):
                run.search(pending)
                pending = []
            pending.append(job)
    run.search(pending)
    run.save()
    return run.items


class _Run:
    """The rows so far, and the three things done with files: plan, search, save."""

    def __init__(self, folder: Path, generator: Generator, settings: BatchSettings, watcher: Watcher) -> None:
        self.items: list[ReportItem] = []
        self._folder = folder
        self._generator = generator
        self._settings = settings
        self._watcher = watcher
        self._finished = read_finished(folder / "report.json", COMMAND) if settings.resume else {}
        self._detector: FaceDetector | None = None

    def plan(self, source: Path, stem: str) -> Iterator[_Job]:
        """Yields what is left to do for a file; rows are added for what failed or is done already."""
        try:
            targets = self._read(source)
        except PhotopulseError as error:
            self._add(ReportItem(input=str(source), status="failed", error=str(error)))
            return
        for number, target in enumerate(targets, start=1):
            name = f"{stem}_face{number}" if len(targets) > 1 else stem
            for k in range(self._settings.count):
                seed = self._settings.seed + k
                job = _Job(
                    source=source,
                    output=self._folder / (f"{name}_{k}.png" if self._settings.count > 1 else f"{name}.png"),
                    target=target,
                    seed=seed,
                    key=self._key(target, seed),
                    face=number if self._settings.align_size is not None else None,
                )
                done = self._finished.get(job.key)
                if done is not None and done.output == str(job.output):
                    self._add(replace(done, input=str(source)), resumed=True)
                else:
                    yield job

    def search(self, jobs: list[_Job]) -> None:
        """Searches the jobs at once; a failure that is not the user's to mend becomes their rows as well."""
        if not jobs:
            return
        self._watcher.on_start([job.output.name for job in jobs])
        recorders = [self._recorder(job) for job in jobs]

        def on_step(state: SearchState) -> None:
            for i, recorder in enumerate(recorders):
                recorder.add(state.step, state.image[i : i + 1])
            self._watcher.on_step(state)

        try:
            faces = run_search(
                torch.cat([job.target for job in jobs]),
                self._generator,
                seeds=[job.seed for job in jobs],
                settings=self._settings.upscale,
                on_step=on_step,
            )
            for job, face, recorder in zip(jobs, faces, recorders, strict=True):
                recorder.finish(face.image)
                face.save(job.output, source=job.source.name)
                self._add(_row(job, face))
        except torch.OutOfMemoryError as error:
            if len(jobs) > 1:
                for job in jobs:
                    self.search([job])
                return
            self._fail(jobs, f"the device's memory is full ({error}). Use --device cpu.")
        except (PhotopulseError, ValueError, RuntimeError, OSError) as error:
            done = {item.key for item in self.items}
            self._fail([job for job in jobs if job.key not in done], str(error))

    def save(self) -> None:
        """Writes the report."""
        write_report(self._folder / "report.json", COMMAND, self.items)

    def _read(self, source: Path) -> list[Tensor]:
        resolution = self._generator.resolution
        if self._settings.align_size is not None:
            self._detector = self._detector or FaceDetector.load()
            faces = align(source, size=self._settings.align_size, detector=self._detector)
            return [read_target(face.image, resolution=resolution) for face in faces]
        read = fit_target if self._settings.fit else read_target
        return [read(source, resolution=resolution)]

    def _key(self, target: Tensor, seed: int) -> str:
        """Hashes all that the answer depends on; batch size and recording do not change it."""
        upscale = self._settings.upscale
        told = {
            "version": version("photopulse"),
            "generator": self._generator.name,
            "settings": asdict(upscale),
            "kernel": upscale.kernel.read_bytes().hex() if upscale.kernel else None,
            "shape": list(target.shape),
            "seed": seed,
        }
        digest = hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode())
        digest.update(to_uint8(target).tobytes())
        return digest.hexdigest()

    def _recorder(self, job: _Job) -> StepRecorder:
        steps = job.output.with_name(f"{job.output.stem}_steps")
        return StepRecorder(
            folder=steps if self._settings.save_steps else None,
            gif=job.output.with_suffix(".gif") if self._settings.gif else None,
        )

    def _fail(self, jobs: Sequence[_Job], reason: str) -> None:
        for job in jobs:
            self._add(ReportItem(input=str(job.source), status="failed", error=reason, seed=job.seed, face=job.face))

    def _add(self, item: ReportItem, *, resumed: bool = False) -> None:
        self.items.append(item)
        self.save()
        self._watcher.on_item(item, resumed)


def _row(job: _Job, face: UpscaledFace) -> ReportItem:
    return ReportItem(
        input=str(job.source),
        output=str(job.output),
        status=face.status,
        key=job.key,
        downscale_mse=face.downscale_mse,
        eps=face.eps,
        steps=face.steps,
        full_evaluations=face.full_evaluations,
        seconds=round(face.seconds, 3),
        seed=face.seed,
        generator=face.generator,
        method=face.method,
        size=(face.image.shape[-1], face.image.shape[-2]),
        face=job.face,
    )
