"""The settings of a restoration, as the user gives them."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from photopulse.provenance.payload import MarkChoice

Enlarger = Literal["own", "realesrgan"]
Part = Literal["face", "photo"]
Mode = Literal["archival", "enhance"]
Tone = Literal["off", "auto"]
Halftone = Literal["off", "auto"]
Repair = Literal["auto", "off"]
ChosenFace = int | tuple[float, float]
Scale = Literal["1", "1.5", "2", "4"]
"""The factors that the command, the page and the API offer."""

_LEAST_WORKING_SIZE = 64
_MOST_SCALE = 16


@dataclass(frozen=True, kw_only=True)
class RestoreSettings:
    """The settings of a restoration; ValueError if one is out of range, or two contradict each other.

    Attributes:
        mode: ``"enhance"``, or ``"archival"``, which generates nothing: it removes noise, blocks, halftone and fading,
            but redraws no faces and enlarges by interpolation.
        halftone: ``"auto"`` removes a halftone screen that is found, ``"off"`` does not: engravings and woven cloth can
            be mistaken for one.
        tone: ``"auto"`` corrects a photo that has faded, ``"off"`` does not.
        grain: whether film grain is added at the end, as strong and as coarse as the grain that cleaning removed.
        seed: random seed of the added grain.
        strength: share of the restoration in the result, from 0 (the input's pixels) to 1 (fully restored, even if the
            photo needs less); None chooses the share by the measured damage.
        repair: ``"auto"`` finds and fills scratches, creases, dust, spots and tears; not in archival mode.
        scale: factor by which width and height are enlarged, from 1 to 16.
        size: width and height of the result in px; replaces ``scale``.
        sr: network for the enlargement that remains after the cleaning: photopulse's own, or Real-ESRGAN.
        only: ``"face"`` restores only faces, ``"photo"`` does not search for faces; None restores both.
        fidelity: fidelity of redrawn faces, from 0 (the most convincing face) to 1 (the one nearest to the input).
        working_size: longer side in px of the photo that is given to the photo network, at least 64.
        max_faces: largest number of faces that are restored, largest first, if ``faces`` is empty; 0 searches for none.
        faces: faces to restore, each by its number (1 is the largest) or by a point (x, y) within it, in px of the
            input; empty for all. They are stored sorted and without duplicates.
        mark: ``"on"`` for an invisible mark in redrawn faces, ``"off"`` for none.
    """

    mode: Mode = "enhance"
    halftone: Halftone = "auto"
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
    mark: MarkChoice = "on"

    def __post_init__(self) -> None:
        # Sizes and choices.
        if not 1 <= self.scale <= _MOST_SCALE:
            raise ValueError(f"scale must be from 1 to {_MOST_SCALE}, got {self.scale:g}")
        if self.size is not None and (self.scale != 1 or min(self.size) < 1):
            raise ValueError("size must be a width and a height of 1 px or more, and goes without scale")
        if self.sr not in get_args(Enlarger) or self.only not in (None, *get_args(Part)):
            raise ValueError(f"sr is one of {get_args(Enlarger)}, only is one of {get_args(Part)} or None")
        for name, choice, choices in (
            ("mode", self.mode, get_args(Mode)),
            ("halftone", self.halftone, get_args(Halftone)),
            ("tone", self.tone, get_args(Tone)),
            ("repair", self.repair, get_args(Repair)),
            ("mark", self.mark, get_args(MarkChoice)),
        ):
            if choice not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {choice!r}")
        # Combinations.
        if self.mode == "archival" and (self.only == "face" or self.sr != "own"):
            raise ValueError(
                "archival redraws no faces and enlarges by no network: leave out --only face and --sr realesrgan"
            )
        if self.mode == "archival" and self.repair == "auto":
            raise ValueError("archival generates nothing, which repairs by auto or a mask do: leave one of the two out")
        # Numbers.
        for name, share in (("fidelity", self.fidelity), ("strength", self.strength)):
            if share is not None and not (math.isfinite(share) and 0 <= share <= 1):
                raise ValueError(f"{name} must be from 0 to 1, got {share:g}")
        if self.working_size < _LEAST_WORKING_SIZE:
            raise ValueError(f"working_size must be {_LEAST_WORKING_SIZE} px or more, got {self.working_size}")
        if self.max_faces < 0:
            raise ValueError(f"max_faces must not be negative, got {self.max_faces}")
        # Chosen faces.
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
        """Returns whether faces are searched for."""
        return self.draws_anew and self.only != "photo" and self.max_faces > 0 and self.strength != 0

    @property
    def draws_anew(self) -> bool:
        """Returns whether detail that the photo does not show can be generated."""
        return self.mode == "enhance"

    @property
    def cleans_the_photo(self) -> bool:
        """Returns whether the whole photo is cleaned, rather than its faces only."""
        return self.only != "face" and self.strength != 0

    @property
    def repairs(self) -> bool:
        """Returns whether scratches and spots are searched for and filled."""
        return self.repair == "auto" and self.cleans_the_photo

    @property
    def may_enlarge(self) -> bool:
        """Returns whether the enlarging network can be needed."""
        return self.draws_anew and (self.scale > 1 or self.size is not None)


def _sorted_once(faces: tuple[ChosenFace, ...]) -> tuple[ChosenFace, ...]:
    """Returns the faces sorted and without duplicates, numbers before points, so that equal choices compare equal."""
    numbers = {face for face in faces if isinstance(face, int)}
    places = {(float(face[0]), float(face[1])) for face in faces if not isinstance(face, int)}
    return (*sorted(numbers), *sorted(places))
