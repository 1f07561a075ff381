"""How a photo is restored, as the user says it."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

Enlarger = Literal["own", "realesrgan"]
Part = Literal["face", "photo"]
Mode = Literal["archival", "enhance"]
Tone = Literal["off", "auto"]
Repair = Literal["auto", "off"]
ChosenFace = int | tuple[float, float]

_LEAST_WORKING_SIZE = 64
_MOST_SCALE = 16


@dataclass(frozen=True, kw_only=True)
class RestoreSettings:
    """How a photo is restored.

    Attributes:
        mode: ``"archival"`` generates nothing: noise, blocks, halftone and fading only, no faces, no enlarging network.
        tone: ``"auto"`` corrects a photo that has faded.
        grain: whether the film grain that cleaning takes out is drawn anew at last, as strong and as coarse as it was.
        seed: of the grain.
        strength: share of the restoration in the result, from 0 (the input's pixels) to 1 (all of it, needed or not);
            None cleans as much as the damage asks.
        repair: ``"auto"`` finds and fills scratches, creases, dust, spots and tears; not in archival mode.
        scale: width and height grow by this factor, from 1 to 16;
        size: or the output's width and height in px, instead of ``scale``.
        sr: the network that enlarges at last, where the growth before the restoration does not do.
        only: restore only faces, or only the photo without a look at its faces; None restores both.
        fidelity: of faces, from 0 (the most convincing face) to 1 (nearest to the input).
        working_size: longer side in px at which the photo network sees the photo.
        max_faces: so many of the largest faces are restored where none are chosen; for 0 none are looked for.
        faces: the faces to restore, each by its number, 1 for the largest, or by a point x, y in px of the input that
            lies within it; empty for all. They are kept sorted, each once.
    """

    mode: Mode = "enhance"
    tone: Tone = "auto"
    grain: bool = False
    seed: int = 0
    strength: float | None = None
    repair: Repair = "off"
    scale: float = 1.0
    size: tuple[int, int] | None = None
    sr: Enlarger = "own"
    only: Part | None = None
    fidelity: float = 0.5
    working_size: int = 640
    max_faces: int = 32
    faces: tuple[ChosenFace, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= _MOST_SCALE:
            raise ValueError(f"scale must be from 1 to {_MOST_SCALE}, got {self.scale:g}")
        if self.size is not None and (self.scale != 1 or min(self.size) < 1):
            raise ValueError("size must be a width and a height of 1 px or more, and goes without scale")
        if self.sr not in get_args(Enlarger) or self.only not in (None, *get_args(Part)):
            raise ValueError(f"sr is one of {get_args(Enlarger)}, only is one of {get_args(Part)} or None")
        if self.mode not in get_args(Mode) or self.tone not in get_args(Tone) or self.repair not in get_args(Repair):
            choices = f"mode is one of {get_args(Mode)}, tone is one of {get_args(Tone)}"
            raise ValueError(f"{choices}, repair is one of {get_args(Repair)}")
        if self.mode == "archival" and (self.only == "face" or self.sr != "own"):
            raise ValueError("archival draws no faces and enlarges by no network: leave only face and sr out")
        if self.mode == "archival" and self.repair == "auto":
            raise ValueError("archival generates nothing, which repairs by auto or a mask do: leave one of the two out")
        for name, share in (("fidelity", self.fidelity), ("strength", self.strength)):
            if share is not None and not (math.isfinite(share) and 0 <= share <= 1):
                raise ValueError(f"{name} must be from 0 to 1, got {share:g}")
        if self.working_size < _LEAST_WORKING_SIZE:
            raise ValueError(f"working_size must be {_LEAST_WORKING_SIZE} px or more, got {self.working_size}")
        if self.max_faces < 0:
            raise ValueError(f"max_faces must not be negative, got {self.max_faces}")
        if any(isinstance(face, int) and face < 1 for face in self.faces):
            raise ValueError("faces are counted from 1, the largest")
        if self.faces and not self.looks_for_faces:
            none = next(
                name
                for name, is_so in (
                    ("strength 0", self.strength == 0),
                    ("mode archival", self.mode == "archival"),
                    ("only photo", self.only == "photo"),
                    ("max_faces 0", True),
                )
                if is_so
            )
            raise ValueError(f"faces were chosen, but {none} looks at none: leave one of the two out")
        object.__setattr__(self, "faces", _sorted_once(self.faces))

    @property
    def looks_for_faces(self) -> bool:
        """Says whether faces are looked for at all."""
        return self.draws_anew and self.only != "photo" and self.max_faces > 0 and self.strength != 0

    @property
    def draws_anew(self) -> bool:
        """Says whether anything may be generated that the photo does not show."""
        return self.mode == "enhance"

    @property
    def cleans_the_photo(self) -> bool:
        """Says whether more than the faces is restored."""
        return self.only != "face" and self.strength != 0

    @property
    def repairs(self) -> bool:
        """Says whether scratches and spots are searched for and filled."""
        return self.repair == "auto" and self.cleans_the_photo

    @property
    def may_enlarge(self) -> bool:
        """Says whether a picture may be enlarged by the enlarging network."""
        return self.draws_anew and (self.scale > 1 or self.size is not None)


def _sorted_once(faces: tuple[ChosenFace, ...]) -> tuple[ChosenFace, ...]:
    """The same choice in the same order, however it was said: numbers first, then places."""
    numbers = {face for face in faces if isinstance(face, int)}
    places = {(float(face[0]), float(face[1])) for face in faces if not isinstance(face, int)}
    return (*sorted(numbers), *sorted(places))
