"""JPEG compression as a corruption."""

from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.degrade.amounts import amount_text, check_amount
from photopulse.degrade.corruption import Corruption
from photopulse.degrade.jpeg_codec import compressed
from photopulse.degrade.jpeg_model import jpeg_model


@dataclass(frozen=True)
class Jpeg(Corruption):
    """Rounds to 8 bits, compresses as JPEG with ``quality`` (1 to 100, libjpeg's scale) and decompresses.

    Chroma is subsampled to half the width and height (4:2:0). Nothing is random.
    """

    quality: float

    def __post_init__(self) -> None:
        check_amount("the JPEG quality", self.quality, 1, 100)
        if self.quality % 1:
            raise ValueError(f"the JPEG quality must be a whole number, got {amount_text(self.quality)}")

    @property
    def name(self) -> str:
        """``"jpeg:30"``."""
        return f"jpeg:{amount_text(self.quality)}"

    @property
    def is_random(self) -> bool:
        return False

    @property
    def is_linear(self) -> bool:
        return False

    @property
    def has_steps(self) -> bool:
        return True

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:  # noqa: ARG002
        return compressed(image, int(self.quality))

    def expected(self, image: Tensor) -> Tensor:
        """Returns the codec's result with the gradients of ``jpeg_model``."""
        return jpeg_model(image, int(self.quality))

    def at_scale(self, ratio: float) -> None:
        """Returns None: on a smaller picture, other blocks would lose other details."""
