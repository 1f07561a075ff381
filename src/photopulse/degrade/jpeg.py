"""JPEG compression as a corruption."""

import io
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from photopulse.degrade.amounts import amount_text, check_amount

_HALF_CHROMA = 2  # Pillow's number for 4:2:0.


@dataclass(frozen=True)
class Jpeg:
    """Rounds to 8 bits, compresses as JPEG of that ``quality`` (libjpeg's scale) and decompresses.

    Chroma has half the width and height (4:2:0). By Pillow on the CPU; nothing is random, there are no gradients.
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

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:  # noqa: ARG002
        pixels = (image.detach().float().clamp(0, 1) * 255 + 0.5).to("cpu", torch.uint8)
        decoded = np.stack([self._round_trip(picture.permute(1, 2, 0).numpy()) for picture in pixels])
        return (torch.as_tensor(decoded).permute(0, 3, 1, 2).float() / 255).to(image)

    def _round_trip(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=int(self.quality), subsampling=_HALF_CHROMA)
        with Image.open(buffer) as decoded:
            return np.asarray(decoded)
