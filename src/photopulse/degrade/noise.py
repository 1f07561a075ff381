"""Corruptions that draw random numbers for each pixel; the results are clamped to [0, 1] as a camera's are.

Numbers are drawn on the CPU in float32 for the whole batch: the same seed gives the same noise on every device.
A picture's noise is its own, whatever stands beside it, where each is corrupted alone with its own generator.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.degrade.amounts import amount_text, check_amount
from photopulse.degrade.resample import at_least_float32


@dataclass(frozen=True)
class GaussianNoise:
    """Adds independent normal noise of standard deviation ``std`` / 255 to every value (PULSE, Fig. 6)."""

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


@dataclass(frozen=True)
class ChromaNoise:
    """Adds normal noise of standard deviation ``std`` / 255 to Cb and Cr alone; the luma keeps still.

    Full-range BT.601, as in JPEG; where a colour leaves [0, 1] and is clamped, the luma changes too.
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


@dataclass(frozen=True)
class SaltAndPepper:
    """Turns a ``fraction`` of the pixels black or white, each half of the time (PULSE, Fig. 6).

    A pixel is hit as a whole, in all three channels.
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


def _added(image: Tensor, noise: Tensor) -> Tensor:
    values = at_least_float32(image)
    return (values + noise.to(values)).clamp(0, 1).to(image.dtype)
