"""Downscaling operators: what turned the sharp face into the small one (PULSE, section 3).

Every operator takes an RGB image (B, 3, H, W) whose height and width divide by ``factor`` and gives
(B, 3, H / factor, W / factor) on the same device and in the same dtype, differentiably. Output pixel i looks
at the middle of its block of ``factor`` input pixels: the coordinate ``(i + 1/2) * factor - 1/2``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

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

    def __call__(self, image: Tensor) -> Tensor:
        """Downscales (B, 3, H, W) to (B, 3, H / factor, W / factor); ValueError if that does not divide."""
        ...


def check_factor(operator: Degradation) -> None:
    """Raises ValueError for a factor below one."""
    if operator.factor < 1:
        raise ValueError(f"factor must be at least 1, got {operator.factor}")


@dataclass(frozen=True)
class Bicubic:
    """PULSE's downscaling: antialiased cubic convolution (Keys 1981, a = -1/2), edges mirrored.

    Equal to PULSE's operator for every even factor. For odd ones PULSE's taps sit half a pixel beside the
    block's middle; these do not, so that factor 1 changes nothing.
    """

    factor: int
    name: str = field(default="bicubic", init=False)
    __post_init__ = check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, CUBIC, self.factor)


@dataclass(frozen=True)
class Box:
    """The mean of each block of pixels; equal to Pillow's ``BOX`` and OpenCV's ``INTER_AREA``."""

    factor: int
    name: str = field(default="box", init=False)
    __post_init__ = check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, BOX, self.factor)


@dataclass(frozen=True)
class Nearest:
    """Takes pixel ``i * factor + factor // 2`` of each block, like Pillow's ``NEAREST``.

    That is the middle pixel of odd blocks and the one below and right of the middle of even blocks.
    """

    factor: int
    name: str = field(default="nearest", init=False)
    __post_init__ = check_factor

    def __call__(self, image: Tensor) -> Tensor:
        check_image(image, self.factor)
        return image[..., self.factor // 2 :: self.factor, self.factor // 2 :: self.factor]


@dataclass(frozen=True)
class Bilinear:
    """The antialiased tent filter, two blocks wide; equal to Pillow's ``BILINEAR``, edges included."""

    factor: int
    name: str = field(default="bilinear", init=False)
    __post_init__ = check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return resample(image, TENT, self.factor)


@dataclass(frozen=True)
class Lanczos:
    """The antialiased windowed sinc with three lobes; equal to Pillow's ``LANCZOS``, edges included."""

    factor: int
    name: str = field(default="lanczos", init=False)
    __post_init__ = check_factor

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
