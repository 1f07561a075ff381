"""A job that restores a photo, as `photopulse restore` does."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from photopulse.provenance.signing import Signature
from photopulse.restoration.faces import RestoredFace
from photopulse.restoration.names import OutputFormat, mask_beside, output_names
from photopulse.restoration.repair import write_mask
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.restored_photo import RestoredPhoto
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import DOING, Stage
from photopulse.runs.watcher import Watcher
from photopulse.web.models import Models
from photopulse.web.tasks import Face, Fact, Result
from photopulse.web.uploads import Upload, check_result, shown

INVENTED = "Detail that the photo had lost is invented."
NOT_INVENTED = "Nothing is invented: noise, blocks, halftone and fading were removed."


@dataclass(frozen=True, kw_only=True)
class RestoreTask:
    """Restores one photo.

    Attributes:
        settings: settings of the restoration.
        format: format of the result; None keeps the input's if it can be written, and takes PNG if not.
        max_pixels: largest number of pixels of the result.
        save_mask: whether a picture of what was repaired is written, too.
        signature: what the result is signed with; None for no signature.
    """

    settings: RestoreSettings
    format: OutputFormat | None
    max_pixels: int
    save_mask: bool = False
    signature: Signature | None = None
    kind: Literal["restore"] = "restore"

    def run(self, upload: Upload, folder: Path, models: Models, watcher: Watcher) -> list[Result]:
        """Writes the restored photo."""
        # Check the size of the result before the work.
        (names,) = output_names([upload.path], folder / "results", self.format, compare=False)
        scale = self.settings.scale
        size = round(upload.size[0] * scale), round(upload.size[1] * scale)
        check_result(names.output, size, max_pixels=self.max_pixels)
        watcher.start("loading the networks", 0)
        kit = models.restore_kit_for(self.settings)
        # Restore and write the photo.
        watcher.start("restoring", 1)

        def on_stage(stage: Stage) -> None:
            watcher.step(0, doing=DOING[stage])

        photo = restore_photo(upload.path, mask=upload.mask, settings=self.settings, kit=kit, on_stage=on_stage)
        on_stage("write")
        photo.save(names.output, source=upload.name, signature=self.signature, opened=upload.path)
        mask = mask_beside(names.output) if self.save_mask else None
        if mask is not None and photo.mask is not None:
            write_mask(mask, photo.mask)
        result = Result(
            path=names.output,
            name=f"{PurePosixPath(upload.name).stem}{names.output.suffix}",
            shown=shown(names.output, folder / "results" / "shown.png"),
            before=shown(upload.path, folder / "before.png"),
            notice=INVENTED if self.settings.draws_anew else NOT_INVENTED,
            mask=mask,
            facts=_facts(photo),
            faces=tuple(told_face(face) for face in photo.faces or ()),
        )
        watcher.step(1)
        return [result]


def _facts(photo: RestoredPhoto) -> dict[str, Fact]:
    return {
        "width": photo.size[0],
        "height": photo.size[1],
        "cleaned": None if photo.cleaned is None else round(photo.cleaned, 3),
        "repaired": None if photo.repaired is None else round(photo.repaired, 5),
    }


def told_face(face: RestoredFace) -> Face:
    """Tells a face as an upright square in the middle of that around its head."""
    x, y = (sum(values) / len(values) for values in zip(*face.corners, strict=True))
    return Face(x=round(x, 1), y=round(y, 1), side=round(face.side, 1), restored=face.restored, why_not=face.why_not)
