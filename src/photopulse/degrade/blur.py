"""Blurs: motion blur, defocus and Gaussian blur.

Lengths are in pixels of the given image; the paper's motion of 100 px is meant for images of 1024 px. Edges are
mirrored at the edge pixels. Calls compute with OpenCV on the CPU, without gradients.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade.amounts import amount_text, check_amount
from photopulse.degrade.corruption import Corruption
from photopulse.degrade.resample import at_least_float32
from photopulse.degrade.spread import spread

Plane = NDArray[np.floating]

_LEAST_LENGTH, _LEAST_RADIUS, _LEAST_STD = 1, 0.5, 0.1
# Variance of a kernel in px squared below which a blur is left out.
_NEGLIGIBLE_VARIANCE = 0.02


class Blur(Corruption):
    """A corruption that correlates all channels with one kernel."""

    @property
    def is_random(self) -> bool:
        return False

    @property
    def is_linear(self) -> bool:
        return True

    @property
    def has_steps(self) -> bool:
        return False

    @abstractmethod
    def kernel(self) -> Plane:
        """Returns the weights: a matrix with odd sides, symmetric under a half turn, float64, with the sum 1."""

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:  # noqa: ARG002
        kernel = self.kernel()

        def correlated(plane: Plane) -> Plane:
            return cast(Plane, cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT_101))

        return _each_plane(image, correlated)

    def expected(self, image: Tensor) -> Tensor:
        """Returns the blurred picture, differentiably and on its own device."""
        return spread(image, self)


_Kind = TypeVar("_Kind", bound=Blur)


@dataclass(frozen=True)
class MotionBlur(Blur):
    """Motion blur: spreads every pixel evenly over a centred line of ``length`` px (PULSE, Fig. 6).

    ``angle`` is the line's angle in degrees, counterclockwise from the horizontal. A pixel beside the line has the
    weight 1 minus its distance. A line of even length ends in two half pixels, so that the picture does not move.
    """

    length: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        check_amount("the length of the motion", self.length, _LEAST_LENGTH, 1024)
        check_amount("the angle of the motion", self.angle, 0, 180)

    @property
    def name(self) -> str:
        """``"motion:100"``, or ``"motion:100@30"`` where the angle is not 0."""
        angle = f"@{amount_text(self.angle)}" if self.angle else ""
        return f"motion:{amount_text(self.length)}{angle}"

    def kernel(self) -> Plane:
        half, direction = (self.length - 1) / 2, math.radians(self.angle)
        reach = [math.floor(half * abs(part) + 1) for part in (math.sin(direction), math.cos(direction))]
        down, right = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
        along = right * math.cos(direction) - down * math.sin(direction)
        across = right * math.sin(direction) + down * math.cos(direction)
        distance = np.hypot(np.maximum(np.abs(along) - half, 0), across)
        return _normalised(1 - distance)

    def at_scale(self, ratio: float) -> "MotionBlur | None":
        return _shrunk(lambda length: replace(self, length=length), self.length, ratio, least=_LEAST_LENGTH)


@dataclass(frozen=True)
class Defocus(Blur):
    """Defocus: spreads every pixel evenly over a disk of ``radius`` px with an antialiased edge."""

    radius: float

    def __post_init__(self) -> None:
        check_amount("the radius of the defocus", self.radius, _LEAST_RADIUS, 256)

    @property
    def name(self) -> str:
        """``"defocus:16"``."""
        return f"defocus:{amount_text(self.radius)}"

    def kernel(self) -> Plane:
        reach = math.floor(self.radius + 0.5)
        down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        return _normalised(np.minimum(self.radius + 0.5 - np.hypot(down, right), 1))

    def at_scale(self, ratio: float) -> "Defocus | None":
        return _shrunk(Defocus, self.radius, ratio, least=_LEAST_RADIUS)


@dataclass(frozen=True)
class GaussianBlur(Blur):
    """Gaussian blur of standard deviation ``std`` px; the kernel is cut at four standard deviations."""

    std: float

    def __post_init__(self) -> None:
        check_amount("the standard deviation of the blur", self.std, _LEAST_STD, 256)

    @property
    def name(self) -> str:
        """``"blur:4"``."""
        return f"blur:{amount_text(self.std)}"

    def kernel(self) -> Plane:
        line = cv2.getGaussianKernel(self._side, self.std)
        return cast(Plane, line @ line.T)

    @property
    def _side(self) -> int:
        return 2 * math.ceil(4 * self.std) + 1

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:  # noqa: ARG002
        def blurred(plane: Plane) -> Plane:
            size = (self._side, self._side)
            return cast(Plane, cv2.GaussianBlur(plane, size, self.std, borderType=cv2.BORDER_REFLECT_101))

        return _each_plane(image, blurred)

    def at_scale(self, ratio: float) -> "GaussianBlur | None":
        return _shrunk(GaussianBlur, self.std, ratio, least=_LEAST_STD)


def _each_plane(image: Tensor, blur: Callable[[Plane], Plane]) -> Tensor:
    planes = at_least_float32(image.detach()).cpu().flatten(0, 1).numpy()
    return torch.as_tensor(np.stack([blur(plane) for plane in planes])).reshape(image.shape).to(image)


def _normalised(weights: Plane) -> Plane:
    weights = np.maximum(weights, 0)
    return weights / weights.sum()


def _shrunk(make: Callable[[float], _Kind], length: float, ratio: float, *, least: float) -> _Kind | None:
    """Finds the blur of the same kind whose kernel has ``ratio`` times the standard deviation.

    A length scaled by ``ratio`` would blur too much or too little where the kernel is only a few pixels wide. None if
    it would blur less than the least length does, or far less than a pixel.
    """
    wanted = _variance(make(length)) * ratio**2
    if wanted < max(_NEGLIGIBLE_VARIANCE, _variance(make(least))):
        return None

    def excess(shorter: float) -> float:
        return _variance(make(shorter)) - wanted

    # Imported here because it takes half a second and is rarely needed.
    from scipy import optimize

    return make(cast(float, optimize.brentq(excess, least, length, xtol=1e-3)))


def _variance(blur: Blur) -> float:
    """Returns the mean squared distance, in px squared, over which a blur spreads a pixel."""
    kernel = blur.kernel()
    height, width = kernel.shape
    down, right = np.mgrid[:height, :width]
    return float((kernel * ((down - height // 2) ** 2 + (right - width // 2) ** 2)).sum())
