"""Noise: corruptions that draw random numbers for each pixel and clamp the result to [0, 1], as a camera does.

The numbers are drawn on the CPU in float32 for the whole batch, so the same seed gives the same noise on every device.
For noise that does not depend on the batch, corrupt each picture alone with its own generator.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from photopulse.degrade.amounts import amount_text, check_amount
from photopulse.degrade.corruption import Corruption
from photopulse.degrade.resample import at_least_float32

# Standard deviations of red, green and blue under unit noise of Cb and Cr, see ChromaNoise.
_CHROMA = (1.402, math.hypot(0.299 * 1.402, 0.114 * 1.772) / 0.587, 1.772)


class _Noise(Corruption):
    """Base of the corruptions of this file, which treat each pixel independently and at any size alike."""

    @property
    def is_random(self) -> bool:
        return True

    @property
    def is_linear(self) -> bool:
        return True

    @property
    def has_steps(self) -> bool:
        return False

    def at_scale(self, ratio: float) -> Self:  # noqa: ARG002
        """Returns itself: its expected value does not depend on the size of the picture."""
        return self


@dataclass(frozen=True)
class GaussianNoise(_Noise):
    """Adds independent Gaussian noise of standard deviation ``std`` / 255 to every value (PULSE, Fig. 6)."""

    std: float

    def __post_init__(self) -> None:
        check_amount("the standard deviation of the noise", self.std, 0, 255)

    @property
    def name(self) -> str:
        """``"noise:25"``."""
        return f"noise:{amount_text(self.std)}"

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        noise = torch.randn(image.shape, generator=random) * (self.std / 255)
        return _added(image, noise)

    def expected(self, image: Tensor) -> Tensor:
        """Computes the expected value, which differs from the picture only where clamping cuts the noise off.

        Outside [0, 1] it continues with slope 1, because a search needs a gradient there.
        """
        return _mean_clamped(image, [self.std / 255])


@dataclass(frozen=True)
class ChromaNoise(_Noise):
    """Adds Gaussian noise of standard deviation ``std`` / 255 to Cb and Cr; the luma does not change.

    Colours are full-range BT.601, as in JPEG. Where a colour leaves [0, 1] and is clamped, the luma changes as well.
    """

    std: float

    def __post_init__(self) -> None:
        check_amount("the standard deviation of the chroma noise", self.std, 0, 255)

    @property
    def name(self) -> str:
        """``"chroma-noise:25"``."""
        return f"chroma-noise:{amount_text(self.std)}"

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        batch, _, height, width = image.shape
        drawn = torch.randn(batch, 2, height, width, generator=random) * (self.std / 255)
        blue, red = 1.772 * drawn[:, 0], 1.402 * drawn[:, 1]
        green = -(0.299 * red + 0.114 * blue) / 0.587
        return _added(image, torch.stack((red, green, blue), dim=1))

    def expected(self, image: Tensor) -> Tensor:
        """Computes the expected value as for ``GaussianNoise``, each channel with its own standard deviation."""
        return _mean_clamped(image, [self.std / 255 * share for share in _CHROMA])


@dataclass(frozen=True)
class SaltAndPepper(_Noise):
    """Sets a ``fraction`` of the pixels to black or white, with equal probability (PULSE, Fig. 6).

    All three channels of a pixel are set together.
    """

    fraction: float

    def __post_init__(self) -> None:
        check_amount("the fraction of pixels", self.fraction, 0, 1)

    @property
    def name(self) -> str:
        """``"salt-pepper:0.05"``."""
        return f"salt-pepper:{amount_text(self.fraction)}"

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        batch, _, height, width = image.shape
        drawn = torch.rand(batch, 1, height, width, generator=random).to(image.device)
        salted = torch.where(drawn < self.fraction, 1.0, image)
        return torch.where(drawn < self.fraction / 2, 0.0, salted).clamp(0, 1)

    def expected(self, image: Tensor) -> Tensor:
        """Computes the expected value, ``(1 - p) x + p / 2`` for a fraction p."""
        return image + self.fraction * (0.5 - image)


def _added(image: Tensor, noise: Tensor) -> Tensor:
    values = at_least_float32(image)
    return (values + noise.to(values)).clamp(0, 1).to(image.dtype)


def _mean_clamped(image: Tensor, stds: list[float]) -> Tensor:
    """Computes the mean of a Gaussian around each pixel, clamped to [0, 1].

    ``stds`` has one standard deviation for all channels, or one for each.
    """
    if max(stds) == 0:
        return image
    values = at_least_float32(image)
    std, inside = values.new_tensor(stds)[:, None, None], values.clamp(0, 1)
    cut_below, cut_above = std * _excess(-inside / std), std * _excess((inside - 1) / std)
    return (values + cut_below - cut_above).to(image.dtype)


def _excess(mean: Tensor) -> Tensor:
    """Computes the mean of the positive part of a Gaussian variable with standard deviation 1."""
    return torch.exp(-mean.square() / 2) / math.sqrt(2 * math.pi) + mean / 2 * torch.erfc(-mean / math.sqrt(2))
