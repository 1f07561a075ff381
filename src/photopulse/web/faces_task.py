"""A job that finds the faces of a photo and restores nothing, so that some can be chosen first."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photopulse.restoration.restore import find_photo_faces
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import DOING, Stage
from photopulse.runs.watcher import Watcher
from photopulse.web.models import Models
from photopulse.web.restore_task import told_face
from photopulse.web.tasks import Result
from photopulse.web.uploads import Upload, shown


@dataclass(frozen=True, kw_only=True)
class FacesTask:
    """Finds the faces that a restoration with these settings finds, with the same numbers.

    Attributes:
        settings: settings of the restoration.
    """

    settings: RestoreSettings
    kind: Literal["faces"] = "faces"

    def run(self, upload: Upload, folder: Path, models: Models, watcher: Watcher) -> list[Result]:
        """Returns the photo as it was sent, with its faces."""
        watcher.start("loading the networks", 0)
        kit = models.restore_kit_for(self.settings)
        watcher.start("looking for faces", 1)

        def on_stage(stage: Stage) -> None:
            watcher.step(0, doing=DOING[stage])

        faces = find_photo_faces(upload.path, mask=upload.mask, settings=self.settings, kit=kit, on_stage=on_stage)
        before = shown(upload.path, folder / "before.png")
        watcher.step(1)
        return [
            Result(
                path=upload.path,
                name=upload.name,
                shown=before,
                before=before,
                notice="",
                facts={"faces": len(faces)},
                faces=tuple(told_face(face) for face in faces),
            )
        ]
