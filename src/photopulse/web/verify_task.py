"""A job that tells what a picture says about its origin, as `photopulse verify` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from photopulse.provenance.find import Square
from photopulse.provenance.verify import verify_file
from photopulse.restoration.face_mark import face_squares
from photopulse.runs.watcher import Watcher
from photopulse.web.models import Models
from photopulse.web.tasks import Result
from photopulse.web.uploads import Upload, shown

CHECKING = "looking for marks"
NO_PROOF = "None of this is proof: marks can be removed, and most can be copied."


@dataclass(frozen=True, kw_only=True)
class VerifyTask:
    """Reads the metadata and credentials of a picture, and looks for a mark; nothing of it is run or fetched.

    Attributes:
        quick: whether the mark is looked for in whole pictures and unscaled crops only.
    """

    quick: bool
    kind: Literal["verify"] = "verify"

    def run(self, upload: Upload, folder: Path, models: Models, watcher: Watcher) -> list[Result]:
        """Returns the picture as it was sent, with what it says about its origin."""
        watcher.start(CHECKING, 1)

        def find_faces(image: Tensor) -> Sequence[Square]:
            return face_squares(image, models.detector())

        verified = verify_file(upload.path, thorough=not self.quick, find_faces=None if self.quick else find_faces)
        before = shown(upload.path, folder / "before.png")
        watcher.step(1)
        return [
            Result(
                path=upload.path,
                name=upload.name,
                shown=before,
                before=before,
                notice=NO_PROOF,
                facts={"verdict": verified.verdict},
                origin=verified.told(),
            )
        ]
