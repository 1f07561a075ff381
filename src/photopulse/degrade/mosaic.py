"""Pixelation as a corruption."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.degrade.amounts import amount_text, check_amount
from photopulse.degrade.corruption import Corruption


@dataclass(frozen=True)
class Mosaic(Corruption):
    """Fills every square of ``side`` x ``side`` px with its mean colour.

    Squares at the right and bottom edges are cut; they get the mean of their remaining pixels. Nothing is random.
    """

    side: float

    def __post_init__(self) -> None:
        check_amount("the side of the mosaic's squares", self.side, 1, 1024)
        if self.side % 1:
            raise ValueError(f"the side of the mosaic's squares must be a whole number, got {amount_text(self.side)}")

    @property
    def name(self) -> str:
        """``"mosaic:4"``."""
        return f"mosaic:{amount_text(self.side)}"

    @property
    def is_random(self) -> bool:
        return False

    @property
    def is_linear(self) -> bool:
        return True

    @property
    def has_steps(self) -> bool:
        return False

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:  # noqa: ARG002
        return self.expected(image.detach())

    def expected(self, image: Tensor) -> Tensor:
        """Returns the pixelated picture, differentiably."""
        side = int(self.side)
        height, width = image.shape[2:]
        means = F.avg_pool2d(image, side, ceil_mode=True)
        squares = means.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)
        return squares[:, :, :height, :width]

    def at_scale(self, ratio: float) -> "Mosaic | None":
        """Returns a mosaic with the nearest whole side in px; None below 2 px."""
        side = round(self.side * ratio)
        return Mosaic(side) if side > 1 else None
