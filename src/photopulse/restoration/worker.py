"""Restores one photo of a run and writes its pictures, in whatever process the networks are."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from photopulse.errors import PhotopulseError
from photopulse.images.opening import picture_size
from photopulse.images.read import MAX_PIXELS
from photopulse.images.write import check_size
from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.compare import write_comparison
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.names import OutputNames
from photopulse.restoration.repair import write_mask
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import DOING, Stage, Stages
from photopulse.runs.executor import Executor
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.keys import arithmetic
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher

WORKER_BYTES: Final = 2304 * 2**20
"""Memory that a worker needs; measured: 1.4 GiB for small photos, 2.1 GiB for one of 24 megapixels."""


@dataclass(frozen=True, kw_only=True)
class RestoreTask:
    """A photo to restore.

    Attributes:
        place: place of the photo among those of the run, from 0.
        names: paths of the photo and its result.
        mask: path of the picture of what was repaired; None if it is not written.
        key: key of the result.
        settings: settings of the run.
    """

    place: int
    names: OutputNames
    mask: Path | None
    key: str
    settings: RestoreBatchSettings

    @property
    def folders(self) -> Sequence[Path]:
        return [self.names.output.parent]


@dataclass(frozen=True, kw_only=True)
class RestoreFacts:
    """What keys of results say of the networks.

    Attributes:
        fingerprints: see ``RestoreKit.fingerprints``.
        arithmetic: see ``runs.keys.arithmetic``.
    """

    fingerprints: dict[str, str]
    arithmetic: list[object]


Restorers = Executor[RestoreFacts, RestoreTask, ReportItem]


@dataclass(frozen=True, kw_only=True)
class RestoreLoader:
    """Loads a worker.

    Attributes:
        settings: settings of the restoration, which tell the networks that are needed.
        device: device of the networks.
    """

    settings: RestoreSettings
    device: str = "cpu"

    def __call__(self) -> "RestoreWorker":
        """Loads the networks; PhotopulseError if that fails, see ``RestoreKit.load``."""
        return RestoreWorker(RestoreKit.load(self.settings, self.device))


class RestoreWorker:
    """The networks of a restoration, and what is done with each photo."""

    def __init__(self, kit: RestoreKit) -> None:
        self._kit = kit

    @property
    def facts(self) -> RestoreFacts:
        return RestoreFacts(fingerprints=self._kit.fingerprints, arithmetic=arithmetic())

    def do(self, task: RestoreTask, watcher: Watcher) -> ReportItem:
        """Restores a photo, writes its pictures and returns its row; a failure becomes a failed row."""
        try:
            return self._restored(task, watcher)
        except FAILURES as error:
            return failed(task.names.source, error)

    def _restored(self, task: RestoreTask, watcher: Watcher) -> ReportItem:
        names = task.names

        def on_stage(stage: Stage) -> None:
            watcher.step(task.place, doing=f"{names.source.name}: {DOING[stage]}")

        # Restore the photo.
        settings, started = task.settings.restore, time.perf_counter()
        check_size(names.output, _final_size(names.source, settings))
        photo = restore_photo(
            names.source, mask=task.settings.mask, settings=settings, kit=self._kit, on_stage=on_stage
        )
        stages = Stages(on_stage)
        with stages.stage("write"):
            # The result is written first, so that a failure of the comparison does not lose it.
            photo.save(names.output, source=names.source.name, signature=task.settings.signature, opened=names.source)
            if names.compare is not None:
                write_comparison(names.compare, names.source, photo)
            if task.mask is not None and photo.mask is not None:
                write_mask(task.mask, photo.mask)
        # Record what was done.
        seconds = photo.seconds | stages.seconds
        return ReportItem(
            input=str(names.source),
            output=str(names.output),
            status="restored",
            key=task.key,
            seconds=round(time.perf_counter() - started, 3),
            size=photo.size,
            signed_by=None if task.settings.signature is None else task.settings.signature.name,
            compare=None if names.compare is None else str(names.compare),
            frames=photo.photo.frames if photo.photo.frames > 1 else None,
            missing_rows=photo.photo.missing_rows or None,
            cut_off=photo.photo.cut_off or None,
            damage=asdict(photo.damage),
            mended=photo.mended,
            cleaned=None if photo.cleaned is None else round(photo.cleaned, 3),
            repaired=None if photo.repaired is None else round(photo.repaired, 5),
            mask=None if task.mask is None else str(task.mask),
            faces=None if photo.faces is None else [asdict(face) for face in photo.faces],
            stages={stage: round(taken, 3) for stage, taken in seconds.items()},
            mode=settings.mode,
            fidelity=settings.fidelity,
            scale=settings.scale if settings.size is None else None,
            working_size=settings.working_size,
            networks=self._kit.fingerprints,
        )


def failed(source: Path, error: BaseException) -> ReportItem:
    """Returns the row of a photo that could not be restored."""
    told = reason(error) if isinstance(error, PhotopulseError) else f"cannot restore {source}: {reason(error)}"
    return ReportItem(input=str(source), status="failed", error=told)


def _final_size(source: Path, settings: RestoreSettings) -> tuple[int, int]:
    """Returns the width and height of the result; they can be swapped if the camera was turned by a right angle."""
    width, height = picture_size(source, max_pixels=MAX_PIXELS)
    return settings.size or (round(width * settings.scale), round(height * settings.scale))
