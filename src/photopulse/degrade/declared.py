"""Damage that is known to have happened, as one differentiable way from the large picture to the small one."""

from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.degrade.corruptions import EXAMPLES, Corruption, parse_corruptions
from photopulse.degrade.downscale import DEGRADATION_NAMES, Degradation, make_degradation
from photopulse.degrade.expected import expected
from photopulse.degrade.resample import check_image
from photopulse.errors import PhotopulseError

_SEPARATOR = "+"


@dataclass(frozen=True)
class Declared:
    """Corruptions of the large picture, downscaling, corruptions of the small picture, in this order.

    Called, it gives what is to be expected, differentiably: each part's ``expected``. What the random parts leave
    besides is ``expected_error``.
    """

    before: tuple[Corruption, ...]
    downscale: Degradation
    after: tuple[Corruption, ...]

    @property
    def name(self) -> str:
        """The canonical text, which ``parse_degradation`` reads back: ``"defocus:16+bicubic+noise:25"``."""
        parts = (*self.before, self.downscale, *self.after)
        return _SEPARATOR.join(part.name for part in parts)

    @property
    def factor(self) -> int:
        """How many times smaller height and width become."""
        return self.downscale.factor

    def __call__(self, image: Tensor) -> Tensor:
        check_image(image, self.factor)
        for part in self.before:
            image = expected(image, part)
        image = self.downscale(image)
        for part in self.after:
            image = expected(image, part)
        return image

    @torch.no_grad()
    def observe(self, image: Tensor, random: torch.Generator) -> Tensor:
        """Draws what happens to (B, 3, H, W), random parts included; ``random`` is a CPU generator."""
        check_image(image, self.factor)
        for part in self.before:
            image = part(image, random)
        image = self.downscale(image)
        for part in self.after:
            image = part(image, random)
        return image


def parse_degradation(text: str, *, factor: int) -> Degradation:
    """Reads a downscaler's name with corruptions around it: ``"motion:100+bicubic+jpeg:30+noise:25"``.

    What stands left of the downscaler happened to the large picture and counts in its pixels, what stands right
    happened to the small one. Without a downscaler, bicubic comes first. A name alone gives that operator.

    Raises:
        ValueError: naming the part that cannot be read, and what there is.
    """
    parts = [part.strip() for part in text.split(_SEPARATOR)]
    downscalers = [k for k, part in enumerate(parts) if part in DEGRADATION_NAMES]
    if len(downscalers) > 1:
        names = " and ".join(parts[k] for k in downscalers)
        raise ValueError(f"the degradation {text!r} downscales twice, by {names}; keep one of them")
    if not downscalers:
        parts, downscalers = ["bicubic", *parts], [0]
    middle = downscalers[0]
    before = tuple(_parsed(part) for part in parts[:middle])
    after = tuple(_parsed(part) for part in parts[middle + 1 :])
    downscale = make_degradation(parts[middle], factor=factor)
    return Declared(before, downscale, after) if before or after else downscale


def _parsed(part: str) -> Corruption:
    try:
        corruptions = parse_corruptions(part).parts
        why = f"{part!r} is no corruption"
    except PhotopulseError as error:
        corruptions, why = (), error.why
    if not corruptions:
        raise ValueError(
            f"unknown degradation {part!r}: {why}; write one of {', '.join(DEGRADATION_NAMES)}, or with + between them "
            f"some of {EXAMPLES}"
        )
    return corruptions[0]
