"""A job that upscales a face, or the faces of a photo, as `photopulse upscale` does."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.images import write_image
from photopulse.images.resize import resized
from photopulse.provenance.signing import Signature
from photopulse.runs.names import face_names
from photopulse.runs.watcher import Watcher
from photopulse.search.problem import SearchState
from photopulse.upscaling.align import align
from photopulse.upscaling.inputs import fit_target, read_target
from photopulse.upscaling.upscale import UpscaledFace, UpscaleSettings, upscale
from photopulse.web.models import Models
from photopulse.web.tasks import PREVIEW, Result
from photopulse.web.uploads import Upload

IMAGINARY = "Imaginary face: it fits the input, and identifies no one."
_PREVIEW_SIZE = 256  # px.


@dataclass(frozen=True, kw_only=True)
class UpscaleTask:
    """Finds large faces for one small face, or for the largest faces of a photo.

    Attributes:
        settings: settings of the searches.
        count: number of results for each face.
        seed: random seed of the first result; result k has the seed ``seed + k``.
        align: size in px to which the faces of a photo are aligned; None if the input is a small face.
        fit: whether a small face of unsuitable size is cropped to its middle square and downscaled.
        max_faces: largest number of faces of a photo for which results are made, the largest faces first.
        signature: what the results are signed with; None for no signature.
    """

    settings: UpscaleSettings
    count: int
    seed: int
    align: int | None
    fit: bool
    max_faces: int
    signature: Signature | None = None
    kind: Literal["upscale"] = "upscale"

    def run(self, upload: Upload, folder: Path, models: Models, watcher: Watcher) -> list[Result]:
        """Writes ``count`` results for each face with their downscaled pictures, and meanwhile previews of the search.

        The results are in the order of the faces, then of the seeds; each is that of the command for the same seed.

        Raises:
            PhotopulseError: if the input is no small face of a suitable size, or no face is found in the photo.
        """
        watcher.start("loading the networks", 0)
        kit = models.search_kit()
        targets = self._targets(upload.path, models, kit.generator.resolution)
        names = face_names(PurePosixPath(upload.name).stem, len(targets))
        # One face after the other.
        results: list[Result] = []
        for number, (name, target) in enumerate(zip(names, targets, strict=True)):
            watcher.start(f"searching face {number + 1} of {len(targets)}", self.settings.most_steps)
            before = folder / f"face-{number}.png"
            write_image(before, target)

            def on_step(state: SearchState) -> None:
                write_image(folder / PREVIEW, resized(state.image[:1], _PREVIEW_SIZE, _PREVIEW_SIZE))
                watcher.step(state.step, figures=state.figures)

            faces = upscale(target, kit, count=self.count, seed=self.seed, settings=self.settings, on_step=on_step)
            fingerprint = "" if self.signature is None else weights_hash(kit.generator)
            results += [
                self._written(face, k, f"{name}.png", before, upload, fingerprint) for k, face in enumerate(faces)
            ]
        return results

    def _targets(self, path: Path, models: Models, resolution: int) -> list[Tensor]:
        if self.align is not None:
            found = align(path, size=self.align, detector=models.detector())
            return [face.image for face in found[: self.max_faces]]
        read = fit_target if self.fit else read_target
        return [read(path, resolution=resolution)]

    def _written(self, face: UpscaledFace, k: int, name: str, before: Path, upload: Upload, fingerprint: str) -> Result:
        # Write the face and its downscaled picture.
        path = before.with_name(f"{before.stem}-result-{k}.png")
        again = before.with_name(f"{before.stem}-again-{k}.png")
        face.save(path, source=upload.name, signature=self.signature, fingerprint=fingerprint)
        write_image(again, face.downscaled)
        told = PurePosixPath(name)
        return Result(
            path=path,
            name=f"{told.stem}_{k}{told.suffix}" if self.count > 1 else name,
            shown=path,
            before=before,
            notice=IMAGINARY,
            again=again,
            facts={
                "status": face.status,
                "downscale_mse": face.downscale_mse,
                "eps": face.eps,
                "seed": face.seed,
                "generator": face.generator,
                "mark": face.mark,
                "width": face.image.shape[3],
                "height": face.image.shape[2],
            },
        )
