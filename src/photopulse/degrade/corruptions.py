"""Corruptions by text, e.g. ``"noise:25+jpeg:30"``: those of PULSE's robustness test (Fig. 6) and others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruption import Corruption
from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.mosaic import Mosaic
from photopulse.degrade.noise import ChromaNoise, GaussianNoise, SaltAndPepper
from photopulse.degrade.resample import check_image
from photopulse.errors import PhotopulseError

UNTOUCHED = "clean"

RECIPES: Mapping[str, str] = {
    "clean": UNTOUCHED,
    "noise-25": "noise:25",
    "noise-50": "noise:50",
    "motion-100": "motion:100",
    "salt-pepper-0.05": "salt-pepper:0.05",
    "jpeg-30": "jpeg:30",
    "defocus": "defocus:16",
}
"""Corruptions with short names, for faces of 1024 px; the second to the fifth are those of PULSE's Fig. 6."""


@dataclass(frozen=True)
class Corruptions:
    """A sequence of corruptions, applied in order; an empty one returns the picture unchanged."""

    parts: tuple[Corruption, ...] = ()

    @property
    def name(self) -> str:
        """The canonical text, e.g. ``"noise:25+jpeg:30"``, or ``"clean"``."""
        return "+".join(part.name for part in self.parts) or UNTOUCHED

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        """Applies all corruptions to pictures (B, 3, H, W) in [0, 1], see ``Corruption``."""
        check_image(image, 1)
        for part in self.parts:
            image = part(image, random)
        return image


_KINDS: Mapping[str, Callable[..., Corruption]] = {
    "noise": GaussianNoise,
    "chroma-noise": ChromaNoise,
    "salt-pepper": SaltAndPepper,
    "motion": MotionBlur,
    "defocus": Defocus,
    "blur": GaussianBlur,
    "mosaic": Mosaic,
    "jpeg": Jpeg,
}
EXAMPLES = (
    "noise:25, chroma-noise:25, salt-pepper:0.05, motion:100, motion:100@30, defocus:16, blur:4, mosaic:8, jpeg:30"
)


def parse_corruptions(text: str) -> Corruptions:
    """Parses the text form of corruptions; ``"clean"``, ``"none"`` and the empty text stand for no corruption.

    Raises:
        PhotopulseError: if a part cannot be parsed; it names that part and the possible ones.
    """
    if text.strip() in ("", "none", UNTOUCHED):
        return Corruptions()
    return Corruptions(tuple(_parsed(part.strip()) for part in text.split("+")))


def folder_name(corruptions: Corruptions) -> str:
    """Returns a folder name for corruptions that is valid on every file system, e.g. ``"noise-25_jpeg-30"``."""
    return corruptions.name.replace(":", "-").replace("+", "_")


def _parsed(part: str) -> Corruption:
    kind, _, amounts = part.partition(":")
    try:
        if kind not in _KINDS:
            raise ValueError(f"there is no corruption {kind!r}")
        return _KINDS[kind](*_numbers(kind, amounts))
    except ValueError as error:
        raise PhotopulseError(
            f"cannot read the corruption {part!r}",
            why=str(error),
            fix=f"write {UNTOUCHED}, or one or more of these, joined by +: {EXAMPLES}",
        ) from error


def _numbers(kind: str, amounts: str) -> list[float]:
    """Parses ``"100@30"`` for motion, one number for all other kinds."""
    try:
        numbers = [float(amount) for amount in amounts.split("@")]
    except ValueError:
        raise ValueError(f"{amounts!r} is no number" if amounts else "its number is missing") from None
    if len(numbers) > (2 if kind == "motion" else 1):
        raise ValueError(f"{amounts!r} holds too many numbers")
    return numbers
