"""Downscaling operators: what turned the sharp face into the small one (PULSE, section 3).

Every operator takes an RGB image (B, 3, H, W) whose height and width divide by ``factor`` and gives
(B, 3, H / factor, W / factor) on the same device and in the same dtype, differentiably. Output pixel i looks
at the middle of its block of ``factor`` input pixels: the coordinate ``(i + 1/2) * factor - 1/2``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from torch import Tensor

from photopulse.degrade.resample import BOX, CUBIC, LANCZOS3, TENT, check_image, resample


class Degradation(Protocol):
    """A known way from a large image to a small one."""

    @property
    def name(self) -> str:
        """What settings and reports call it, e.g. ``"bicubic"``."""
        ...

    @property
    def factor(self) -> int:
        """How many times smaller height and width become."""
        ...

    @property
    def is_linear(self) -> bool:
        """Whether means of pictures are downscaled to means, but for what is clamped at black and white."""
        ...

    def __call__(self, image: Tensor) -> Tensor:
        """Downscales (B, 3, H, W) to (B, 3, H / factor, W / factor); ValueError if that does not divide."""
        ...

    def without_steps(self) -> "Degradation":
        """Gives the same without the parts that jump (``Corruption.has_steps``): itself where there are none."""
        ...

    def with_factor(self, factor: int) -> "Degradation":
        """Gives what takes a rendering only ``factor`` times the small picture's size to that picture.

        The rendering's pixels count as means of the large picture's. What happened to the large picture shrinks with
        it or vanishes (``Corruption.at_scale``), what happened to the small one stays, and a downscaler keeps its
        kind: with the factor 1 it changes nothing. Ask the original for the ``expected_error``.

        Raises:
            ValueError: for a factor below 1 or above the own one.
        """
        ...

    def expected_error(self, *, side: int | None = None) -> float:
        """Returns the mean squared error, white being 1, between what is computed and what was observed of a picture.

        It is what the random parts leave, so that no search fits the noise; zero where nothing is random.

        Args:
            side: of the small picture; by default as if the large one had 1024 px.
        """
        ...


def check_factor(operator: Degradation) -> None:
    """Raises ValueError for a factor below one."""
    if operator.factor < 1:
        raise ValueError(f"factor must be at least 1, got {operator.factor}")


def check_smaller_factor(operator: Degradation, factor: int) -> None:
    """Raises ValueError for a factor that ``with_factor`` cannot give."""
    if not 1 <= factor <= operator.factor:
        raise ValueError(f"factor must be from 1 to the operator's own, {operator.factor}, got {factor}")


@dataclass(frozen=True)
class Downscaler(ABC):
    """What the named operators have in common: they are linear and certain, and come in every factor."""

    factor: int
    name: str = field(default="", init=False)
    __post_init__ = check_factor

    @property
    def is_linear(self) -> bool:
        return True

    @abstractmethod
    def __call__(self, image: Tensor) -> Tensor:
        """Downscales, see ``Degradation``."""

    def without_steps(self) -> Self:
        return self

    def with_factor(self, factor: int) -> Self:
        check_smaller_factor(self, factor)
        return self if factor == self.factor else replace(self, factor=factor)

    def expected_error(self, *, side: int | None = None) -> float:  # noqa: ARG002
        return 0.0


@dataclass(frozen=True)
class Bicubic(Downscaler):
    """PULSE's downscaling: antialiased cubic convolution (Keys 1981, a = -1/2), edges mirrored.

    Equal to PULSE's operator for every even factor. For odd ones PULSE's taps sit half a pixel beside the
    block's middle; these do not, so that factor 1 changes nothing.
    """

    name: str = field(default="bicubic", init=False)

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, CUBIC, self.factor)


@dataclass(frozen=True)
class Box(Downscaler):
    """The mean of each block of pixels; equal to Pillow's ``BOX`` and OpenCV's ``INTER_AREA``."""

    name: str = field(default="box", init=False)

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, BOX, self.factor)


@dataclass(frozen=True)
class Nearest(Downscaler):
    """Takes pixel ``i * factor + factor // 2`` of each block, like Pillow's ``NEAREST``.

    That is the middle pixel of odd blocks and the one below and right of the middle of even blocks.
    """

    name: str = field(default="nearest", init=False)

    def __call__(self, image: Tensor) -> Tensor:
        check_image(image, self.factor)
        return image[..., self.factor // 2 :: self.factor, self.factor // 2 :: self.factor]


@dataclass(frozen=True)
class Bilinear(Downscaler):
    """The antialiased tent filter, two blocks wide; equal to Pillow's ``BILINEAR``, edges included."""

    name: str = field(default="bilinear", init=False)

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, TENT, self.factor)


@dataclass(frozen=True)
class Lanczos(Downscaler):
    """The antialiased windowed sinc with three lobes; equal to Pillow's ``LANCZOS``, edges included."""

    name: str = field(default="lanczos", init=False)

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, LANCZOS3, self.factor)


_OPERATORS: Mapping[str, Callable[[int], Degradation]] = {
    "bicubic": Bicubic,
    "bilinear": Bilinear,
    "box": Box,
    "lanczos": Lanczos,
    "nearest": Nearest,
}
DEGRADATION_NAMES = tuple(_OPERATORS)


def make_degradation(name: str, *, factor: int) -> Degradation:
    """Builds the operator of that name; ValueError lists the names when it is none of them."""
    if name not in _OPERATORS:
        raise ValueError(f"unknown degradation {name!r}; choose one of {', '.join(DEGRADATION_NAMES)}")
    return _OPERATORS[name](factor)
