"""What a job does, as the queue knows it: with a picture, in a folder, by the models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from photopulse.runs.watcher import Watcher
from photopulse.web.models import Models
from photopulse.web.uploads import Upload

Kind = Literal["restore", "upscale", "faces", "verify"]
Fact = str | int | float | bool | None
PREVIEW = "preview.png"
"""Name in a job's folder of a picture that shows how far the work is; not all tasks write it."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """A face of a photo.

    Attributes:
        x: of its middle, in px of the photo.
        y: likewise.
        side: of the square around it, in px of the photo.
        restored: whether it was redrawn, or would be if the faces were only searched for.
        why_not: if it was not.
    """

    x: float
    y: float
    side: float
    restored: bool
    why_not: str | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A picture that a job made.

    Attributes:
        path: of the picture.
        name: under which it is downloaded.
        shown: the picture as browsers show it.
        before: the input to compare it with, as browsers show it.
        notice: what everybody who sees it must know.
        again: the result made small again, of ``upscale``; else None.
        mask: picture that is white where the photo was repaired; None if none was asked for.
        facts: that are worth telling, by name.
        faces: of a photo that was restored, the largest first.
        origin: what a picture that was checked says about its origin; None for others.
    """

    path: Path
    name: str
    shown: Path
    before: Path
    notice: str
    again: Path | None = None
    mask: Path | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    faces: tuple[Face, ...] = ()
    origin: Mapping[str, object] | None = None


class Task(Protocol):
    """What is done with an upload."""

    @property
    def kind(self) -> Kind:
        """Which command it is."""
        ...

    def run(self, upload: Upload, folder: Path, models: Models, watcher: Watcher) -> list[Result]:
        """Writes the results into ``folder``.

        Raises:
            PhotopulseError: for what the user can mend.
        """
        ...
