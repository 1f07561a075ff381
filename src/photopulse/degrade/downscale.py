"""Downscaling operators, and the interface of degradations, by which a search compares its face with the input.

Every operator maps an RGB image (B, 3, H, W), whose height and width are multiples of ``factor``, to
(B, 3, H / factor, W / factor) on the same device and in the same dtype, differentiably. Output pixel i is centred on
its block of ``factor`` input pixels, at the coordinate ``(i + 1/2) * factor - 1/2``. (PULSE, section 3.)
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from torch import Tensor

from photopulse.degrade.resample import BOX, CUBIC, LANCZOS3, TENT, check_image, resample


class Degradation(Protocol):
    """A known, differentiable map from a large image to a small one; the forward model of a search."""

    @property
    def name(self) -> str:
        """Its name in settings and reports, e.g. ``"bicubic"``."""
        ...

    @property
    def factor(self) -> int:
        """How many times smaller height and width become."""
        ...

    @property
    def is_linear(self) -> bool:
        """Whether it is a linear function of the image, except for clamping at black and white."""
        ...

    def __call__(self, image: Tensor) -> Tensor:
        """Degrades (B, 3, H, W) to (B, 3, H / factor, W / factor); ValueError if factor does not divide the sides."""
        ...

    def without_steps(self) -> "Degradation":
        """Returns the degradation without its step functions (``Corruption.has_steps``); itself if it has none."""
        ...

    def with_factor(self, factor: int) -> "Degradation":
        """Returns the equivalent degradation of a rendering that is only ``factor`` times as large as the small image.

        Each pixel of the rendering stands for the mean of a block of the large image. Corruptions of the large image
        are scaled or dropped (``Corruption.at_scale``), those of the small image stay, and the downscaler stays the
        same kind; with a factor of 1 it is the identity. The ``expected_error`` is that of the original degradation.

        Raises:
            ValueError: if ``factor`` is below 1 or above this degradation's own factor.
        """
        ...

    def expected_error(self, *, side: int | None = None) -> float:
        """Returns the expected mean squared error (white is 1) between the computed and the observed small image.

        The random parts cause it; a search that goes below it fits the noise. It is 0 if nothing is random.

        Args:
            side: side of the small image in px; by default as if the large one had 1024 px.
        """
        ...


def check_factor(operator: Degradation) -> None:
    """Raises ValueError for a factor below one."""
    if operator.factor < 1:
        raise ValueError(f"factor must be at least 1, got {operator.factor}")


def check_smaller_factor(operator: Degradation, factor: int) -> None:
    """Raises ValueError unless ``with_factor`` can give this factor."""
    if not 1 <= factor <= operator.factor:
        raise ValueError(f"factor must be from 1 to the operator's own, {operator.factor}, got {factor}")


@dataclass(frozen=True)
class Downscaler(ABC):
    """Base of the named operators, which are linear and deterministic and exist for every integer factor."""

    factor: int
    name: str = field(default="", init=False)
    __post_init__ = check_factor

    @property
    def is_linear(self) -> bool:
        return True

    @abstractmethod
    def __call__(self, image: Tensor) -> Tensor:
        """Downscales an image, see ``Degradation``."""

    def without_steps(self) -> Self:
        return self

    def with_factor(self, factor: int) -> Self:
        check_smaller_factor(self, factor)
        return self if factor == self.factor else replace(self, factor=factor)

    def expected_error(self, *, side: int | None = None) -> float:  # noqa: ARG002
        return 0.0


@dataclass(frozen=True)
class Bicubic(Downscaler):
    """PULSE's downscaling: antialiased cubic convolution (Keys 1981, a = -1/2), with mirrored edges.

    It equals PULSE's operator for every even factor. For odd factors PULSE's kernel is half a pixel off the centre of
    the block; this one is centred, so that a factor of 1 is the identity.
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

    This is the middle pixel of odd blocks, and the pixel below and to the right of the centre of even ones.
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
    """Creates the operator with this name; ValueError for an unknown name, with the list of names."""
    if name not in _OPERATORS:
        raise ValueError(f"unknown degradation {name!r}; choose one of {', '.join(DEGRADATION_NAMES)}")
    return _OPERATORS[name](factor)
