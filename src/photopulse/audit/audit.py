"""Runs a bias audit: downscales the face of each photo, enlarges it again, and measures it before and after."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.audit.faces import cropped_face, largest_face, small_view, square_picture, write_views
from photopulse.audit.labels import Labels
from photopulse.audit.log import AuditLog
from photopulse.audit.rows import AuditRow
from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector, find_mesh
from photopulse.faces.skin_tone import LEAST_CHROMA, mean_skin_tone, skin_coverage, skin_tone, tone_group
from photopulse.files import read_regular
from photopulse.generators.protocol import Generator
from photopulse.runs.failures import FAILURES, reason, together_or_alone
from photopulse.runs.keys import key
from photopulse.runs.names import canonical, refuse_to_overwrite, unique_stems
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.search.kit import SearchKit
from photopulse.search.prior import one_hot
from photopulse.upscaling.inputs import listed, target_sizes
from photopulse.upscaling.keys import run_key
from photopulse.upscaling.upscale import UpscaledFace, UpscaleSettings, check_settings, upscale

_MOST_BYTES = 512 * 2**20  # Of a photo.


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """Settings of an audit.

    Attributes:
        upscale: settings of the search; its degradation, which also makes the small faces, must be ``"bicubic"``.
        size: side of the small faces in px.
        seed: seed of the fast search. In the classic search each photo has its own, derived from this and its bytes.
        aligned: whether the photos are sharp faces already cropped as in FFHQ; otherwise faces are found and cropped.
        faces: whether the pictures show faces, whose skin is measured; otherwise they are square pictures of anything.
        batch_size: number of faces that are searched at once.
        labels: labels of the photos, by file name and name of the label; see ``read_labels``.
        resume: whether to reuse what an earlier run with the same settings finished.

    Raises:
        ValueError: if ``batch_size`` is below 1 or the degradation is another one.
    """

    upscale: UpscaleSettings = field(default_factory=UpscaleSettings)
    size: int = 16
    seed: int = 0
    aligned: bool = False
    faces: bool = True
    batch_size: int = 1
    labels: Labels = field(default_factory=dict[str, dict[str, str]])
    resume: bool = True

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        if self.upscale.kernel is not None or self.upscale.degradation != "bicubic":
            raise ValueError("an audit makes faces small by the bicubic operator only")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    """One face to search.

    Attributes:
        place: position of the photo in the list.
        row: its row so far, with the measurements before the search.
        seed: seed of the search.
        picture: path of the comparison picture to write.
        target: the small face (1, 3, size, size), which the search has to match.
        coverage: which part of each of its pixels is skin (size, size), see ``skin_coverage``; None without faces.
        view: the sharp face for the comparison picture.
    """

    place: int
    row: AuditRow
    seed: int
    picture: Path
    target: Tensor
    coverage: NDArray[np.float64] | None
    view: Tensor


def audit_files(
    files: Sequence[Path],
    folder: Path,
    generator: Generator,
    settings: AuditSettings | None = None,
    watcher: Watcher | None = None,
    detector: FaceDetector | None = None,
) -> list[AuditRow]:
    """Audits the largest face of each photo, and keeps ``folder/rows.csv`` up to date.

    It also writes ``folder/pictures/<stem>.jpg``: original, input and result side by side, 256 px each. If the run ends
    early (also by Ctrl-C), finished rows are in the folder's log, and the same call resumes from there.

    Args:
        files: paths of the photos, see ``images.image_files``.
        folder: output folder for rows and pictures.
        generator: from ``load_generator``.
        settings: settings of the audit.
        watcher: is told about progress, with rows as report items.
        detector: from ``FaceDetector.load``; loaded if None and the pictures show faces.

    Returns:
        One row per photo, in the order of the files.

    Raises:
        PhotopulseError: if the settings suit no photo, the folder cannot be written to, or the rows of an earlier run
            cannot be read.
    """
    # Check the settings before anything is computed.
    settings = settings or AuditSettings()
    settings = replace(settings, upscale=replace(settings.upscale, mark="off"))  # Faces are measured, not marks.
    check_settings(settings.upscale, generator)
    sizes = target_sizes(generator.resolution)
    if settings.size not in sizes:
        raise PhotopulseError(
            f"cannot audit faces of {settings.size} px",
            why=f"{generator.name} makes {generator.resolution} px, so the search takes {listed(sizes)} px",
            fix="give --size one of these",
        )
    # Collect jobs into batches, and search each batch.
    detector = (detector or FaceDetector.load()) if settings.faces else None
    run = _Run(files, folder, generator, settings, watcher or Watcher(), detector)
    with run.log as log:
        jobs: list[_Job] = []
        for job in run.plan():
            jobs.append(job)
            if len(jobs) == settings.batch_size:
                run.search(jobs)
                jobs = []
        if jobs:
            run.search(jobs)
    return log.items


class _Run:
    """An audit's two steps: measure and downscale the faces that are left to do; search them and measure again."""

    def __init__(
        self,
        files: Sequence[Path],
        folder: Path,
        generator: Generator,
        settings: AuditSettings,
        watcher: Watcher,
        detector: FaceDetector | None,
    ) -> None:
        self.log = AuditLog(folder, resume=settings.resume)
        self._files = files
        self._settings = settings
        self._watcher = watcher
        self._detector = detector
        self._kit = SearchKit.find(generator, label=one_hot(settings.upscale.label, generator))
        self._run_key = key(
            run_key(self._kit, settings.upscale, batch_size=settings.batch_size),
            settings.size,
            settings.aligned if settings.faces else "no faces",
            settings.seed,
        )

    def plan(self) -> Iterator[_Job]:
        """Yields a job for each photo that is left to do; adds the rows of photos that failed or are done already."""
        inputs = {canonical(file) for file in self._files}
        for place, (source, stem) in enumerate(zip(self._files, unique_stems(self._files), strict=True)):
            # Reuse the row of an earlier run, or measure the photo; a failure becomes its row.
            row = AuditRow(image=str(source), labels=self._settings.labels.get(source.name, {}))
            picture = self.log.pictures / f"{stem}.jpg"
            try:
                refuse_to_overwrite(picture, inputs)
                content = read_regular(source, most=_MOST_BYTES)
                photo_key = key(self._run_key, content)
                if done := self.log.finished(picture, photo_key):
                    self._keep(place, replace(done, image=row.image, labels=row.labels))
                    continue
                seed = self._seed(content)
                job = self._job(place, replace(row, key=photo_key, picture=picture.name), seed, picture, source)
            except FAILURES as error:
                self._add(place, replace(row, error=reason(error)))
            else:
                yield job

    def search(self, jobs: Sequence[_Job]) -> None:
        """Searches the jobs in one batch; if that fails, each alone. A face that fails alone becomes a failed row."""
        for job, face in together_or_alone(jobs, self._answers):
            self._add(job.place, _failed(job, face) if isinstance(face, str) else self._measured(job, face))

    def _job(self, place: int, row: AuditRow, seed: int, picture: Path, source: Path) -> _Job:
        """Measures a photo's sharp and small face before the search; raises one of ``FAILURES`` if that fails."""
        size, detector = self._settings.size, self._detector
        # Without faces, the whole picture and nothing about skin.
        if detector is None:
            sharp = square_picture(source, multiple_of=size)
            return _Job(
                place=place,
                row=replace(row, seed=seed),
                seed=seed,
                picture=picture,
                target=Bicubic(sharp.shape[-1] // size)(sharp).clamp(0, 1),
                coverage=None,
                view=small_view(sharp),
            )
        # The sharp face and the small one.
        if self._settings.aligned:
            sharp, mesh = cropped_face(source, detector, multiple_of=size)
        else:
            sharp, mesh = largest_face(source, detector)
        side = sharp.shape[-1]
        target = Bicubic(side // size)(sharp).clamp(0, 1)
        # Skin tone of both.
        original = skin_tone(sharp, mesh)
        if original.chroma < LEAST_CHROMA:
            raise PhotopulseError(
                f"cannot measure the skin in {source}",
                why="it has no colour, as in a black and white photo",
                fix="audit photos in colour",
            )
        coverage = skin_coverage(mesh, picture_side=side, side=size)
        small = mean_skin_tone(target, coverage)
        row = replace(
            row,
            seed=seed,
            tone_group=tone_group(original.ita),
            ita_original=original.ita,
            ita_input=small.ita,
            lightness_original=original.lightness,
            lightness_input=small.lightness,
        )
        return _Job(
            place=place, row=row, seed=seed, picture=picture, target=target, coverage=coverage, view=small_view(sharp)
        )

    def _answers(self, jobs: Sequence[_Job]) -> list[UpscaledFace]:
        """Returns the results of one batch."""
        others = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        stage = f"{Path(jobs[0].row.image).name} ({jobs[0].place + 1} of {len(self._files)}){others}"
        self._watcher.start(stage, self._settings.upscale.most_steps)
        return upscale(
            torch.cat([job.target for job in jobs]),
            self._kit,
            seed=[job.seed for job in jobs],
            settings=self._settings.upscale,
            on_step=lambda state: self._watcher.step(state.step, figures=state.figures),
            batch_size=self._settings.batch_size,
        )

    def _measured(self, job: _Job, face: UpscaledFace) -> AuditRow:
        """Measures a result and writes its comparison picture; a failure becomes the row."""
        try:
            row = replace(
                self._with_skin(job, face),
                downscale_mse=face.downscale_mse,
                converged=face.status == "converged",
                method=face.method,
                steps=face.steps,
                seconds=round(face.seconds, 3),
                generator=face.generator,
            )
            write_views(job.picture, job.view, job.target, face, source=Path(job.row.image).name)
        except FAILURES as error:
            return _failed(job, reason(error))
        return row

    def _with_skin(self, job: _Job, face: UpscaledFace) -> AuditRow:
        """Adds the skin tone of the downscaled result and, if a face is found in it, of the large one."""
        if job.coverage is None or self._detector is None:
            return job.row
        mesh = find_mesh(face.image, self._detector)
        large = skin_tone(face.image, mesh) if mesh is not None else None
        small = mean_skin_tone(face.downscaled, job.coverage)
        return replace(
            job.row,
            ita_output_small=small.ita,
            ita_output=large.ita if large is not None else None,
            lightness_output_small=small.lightness,
            lightness_output=large.lightness if large is not None else None,
        )

    def _seed(self, content: bytes) -> int:
        """Returns the seed of a photo's search.

        The fast search has the same seed for all photos, as users have it. The classic search starts from a random
        face; if all photos had the same one, its own skin tone would look like a bias, so each gets a seed of its own.
        """
        if self._settings.upscale.method == "fast":
            return self._settings.seed
        return int.from_bytes(hashlib.sha256(f"{self._settings.seed} ".encode() + content).digest()[:4], "big")

    def _add(self, place: int, row: AuditRow) -> None:
        self.log.add(place, row)
        self._watcher.end(self._item(row))

    def _keep(self, place: int, row: AuditRow) -> None:
        self.log.keep(place, row)
        self._watcher.end(self._item(row), resumed=True)

    def _item(self, row: AuditRow) -> ReportItem:
        return ReportItem(
            input=row.image,
            status="failed" if row.error else "converged" if row.converged else "not-converged",
            output=str(self.log.pictures / row.picture) if row.picture and not row.error else None,
            error=row.error,
            downscale_mse=row.downscale_mse,
            eps=self._settings.upscale.eps,
            seconds=row.seconds,
        )


def _failed(job: _Job, error: str) -> AuditRow:
    return replace(job.row, error=error)
