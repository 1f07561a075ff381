"""A declared degradation: downscaling with known corruptions around it, as one differentiable operator."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.degrade.corruption import Corruption
from photopulse.degrade.corruptions import EXAMPLES, parse_corruptions
from photopulse.degrade.downscale import (
    DEGRADATION_NAMES,
    Bicubic,
    Degradation,
    check_smaller_factor,
    make_degradation,
)
from photopulse.degrade.resample import check_image
from photopulse.degrade.residual import measured_error, measuring_side
from photopulse.errors import PhotopulseError

_SEPARATOR = "+"


@dataclass(frozen=True)
class Declared:
    """Corruptions of the large picture, downscaling, and corruptions of the small picture, applied in this order.

    A call returns the expected result, differentiably: it applies the ``expected`` value of each part. The remaining
    error, from the random parts, is ``expected_error``.

    Attributes:
        before: corruptions of the large picture.
        downscale: the downscaling operator.
        after: corruptions of the small picture.
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

    @property
    def is_linear(self) -> bool:
        """Whether all parts are linear."""
        return self.downscale.is_linear and all(part.is_linear for part in (*self.before, *self.after))

    def __call__(self, image: Tensor) -> Tensor:
        """Computes the expected small picture (B, 3, H / factor, W / factor) for (B, 3, H, W), differentiably."""
        check_image(image, self.factor)
        for part in self.before:
            image = part.expected(image)
        image = self.downscale(image)
        for part in self.after:
            image = part.expected(image)
        return image

    @torch.no_grad()
    def observe(self, image: Tensor, random: torch.Generator) -> Tensor:
        """Draws one degraded picture for each of (B, 3, H, W), random parts included.

        ``random`` is a CPU generator. The result is (B, 3, H / factor, W / factor), without gradients.
        """
        check_image(image, self.factor)
        for part in self.before:
            image = part(image, random)
        image = self.downscale(image)
        for part in self.after:
            image = part(image, random)
        return image

    def without_steps(self) -> Degradation:
        """Returns the degradation without the corruptions that are step functions; itself if there are none."""
        before, after = _smooth_parts(self.before), _smooth_parts(self.after)
        if (before, after) == (self.before, self.after):
            return self
        return _declared(before, self.downscale.without_steps(), after)

    def with_factor(self, factor: int) -> Degradation:
        """Returns the equivalent for a smaller factor: corruptions of the large picture are scaled, others stay.

        Raises:
            ValueError: if ``factor`` is below 1 or above this degradation's own factor.
        """
        check_smaller_factor(self, factor)
        if factor == self.factor:
            return self
        shrunk = (part.at_scale(factor / self.factor) for part in self.before)
        before = tuple(part for part in shrunk if part is not None)
        return _declared(before, self.downscale.with_factor(factor), self.after)

    def expected_error(self, *, side: int | None = None) -> float:
        """Measures the error that the random parts leave (``measured_error``); 0 if no part is random."""
        side = measuring_side(self, side)
        if any(part.is_random for part in self.before):
            return measured_error(self, side)
        if any(part.is_random for part in self.after):
            # The corruptions of the large picture are deterministic, so random small pictures are enough.
            return measured_error(Declared((), Bicubic(1), self.after), side)
        return 0.0


def parse_degradation(text: str, *, factor: int) -> Degradation:
    """Parses a downscaler's name with corruptions around it: ``"motion:100+bicubic+jpeg:30+noise:25"``.

    Corruptions before the downscaler apply to the large picture, with lengths in its pixels; those after it apply to
    the small one. If no downscaler is named, ``bicubic`` is put first. A downscaler's name alone gives that operator.

    Raises:
        ValueError: if a part cannot be parsed; it names that part and the possible ones.
    """
    # Find the one downscaler.
    parts = [part.strip() for part in text.split(_SEPARATOR)]
    downscalers = [k for k, part in enumerate(parts) if part in DEGRADATION_NAMES]
    if len(downscalers) > 1:
        names = " and ".join(parts[k] for k in downscalers)
        raise ValueError(f"the degradation {text!r} downscales twice, by {names}; keep one of them")
    if not downscalers:
        parts, downscalers = ["bicubic", *parts], [0]
    # Parse what stands before and after it.
    middle = downscalers[0]
    before = tuple(_parsed(part) for part in parts[:middle])
    after = tuple(_parsed(part) for part in parts[middle + 1 :])
    downscale = make_degradation(parts[middle], factor=factor)
    return _declared(before, downscale, after)


def _declared(before: tuple[Corruption, ...], downscale: Degradation, after: tuple[Corruption, ...]) -> Degradation:
    return Declared(before, downscale, after) if before or after else downscale


def _smooth_parts(parts: Iterable[Corruption]) -> tuple[Corruption, ...]:
    return tuple(part for part in parts if not part.has_steps)


def _parsed(part: str) -> Corruption:
    try:
        corruptions = parse_corruptions(part).parts
        why = f"{part!r} is no corruption"
    except PhotopulseError as error:
        corruptions, why = (), error.why
    if not corruptions:
        raise ValueError(
            f"unknown degradation {part!r}: {why}; write one of {', '.join(DEGRADATION_NAMES)}, joined by + with any "
            f"of {EXAMPLES}"
        )
    return corruptions[0]
