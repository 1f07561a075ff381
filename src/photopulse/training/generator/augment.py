"""Random changes of real and made pictures that keep a discriminator from learning few pictures by heart.

Karras et al. 2020, Training Generative Adversarial Networks with Limited Data (ADA), arXiv 2006.06676.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.images.gray import gray_of


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Which changes are drawn, and how their probability adapts.

    Attributes:
        target: mean sign of the logits of real pictures that is aimed at: above it the changes become more probable;
            0 draws none.
        thousands: thousands of pictures in which the probability can rise from 0 to 1.
        most: largest probability; beyond it the changes would show in the made pictures.
        shift: largest shift along each axis, as a share of the side.
        zoom: standard deviation of the binary logarithm of the zoom.
        brightness: standard deviation of what is added to pictures in [-1, 1].
        contrast: standard deviation of the binary logarithm of the contrast.
        saturation: standard deviation of the binary logarithm of the saturation.
        hidden: side of the hidden square, as a share of the side.
    """

    target: float = 0.6
    thousands: float = 20.0
    most: float = 0.8
    shift: float = 0.125
    zoom: float = 0.2
    brightness: float = 0.2
    contrast: float = 0.3
    saturation: float = 0.5
    hidden: float = 0.4


class Augmentation(nn.Module):
    """Applies each change to each picture with the same probability, which adapts to the discriminator.

    Its state is the probability.
    """

    probability: Tensor

    def __init__(self, settings: AugmentSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("probability", torch.zeros(()))

    def adapt(self, sign: float, pictures: int) -> None:
        """Moves the probability after ``pictures`` real ones, whose logits had this mean sign (ADA, equation 1)."""
        if self.settings.target:
            step = pictures / (1000 * self.settings.thousands)
            up = sign > self.settings.target
            self.probability.add_(step if up else -step).clamp_(0, self.settings.most)

    def forward(self, pictures: Tensor, random: torch.Generator) -> Tensor:
        """Changes pictures (B, 3, H, W) in [-1, 1]; the random generator is one on the CPU. Differentiable."""
        probability = float(self.probability)
        if not probability:
            return pictures
        pictures = _moved(pictures, self.settings, probability, random)
        pictures = _recoloured(pictures, self.settings, probability, random)
        return _partly_hidden(pictures, self.settings.hidden, probability, random)


def turned_at_random(pictures: Tensor, random: torch.Generator, *, mirror: bool, turn: bool) -> Tensor:
    """Mirrors half of the pictures (B, C, H, W), and turns each by a multiple of 90 degrees, where that is wanted.

    Both together are the eight symmetries of the square.
    """
    count = len(pictures)
    if mirror:
        flipped = torch.rand(count, 1, 1, 1, generator=random) < 0.5
        pictures = torch.where(flipped, pictures.flip(3), pictures)
    if turn:
        quarters = torch.randint(4, (count,), generator=random)
        pictures = torch.stack(
            [picture.rot90(int(quarter), (1, 2)) for picture, quarter in zip(pictures, quarters, strict=True)]
        )
    return pictures


def _moved(pictures: Tensor, settings: AugmentSettings, probability: float, random: torch.Generator) -> Tensor:
    """Turns, zooms and shifts pictures in one resampling; what comes in from outside is mirrored."""
    count = len(pictures)
    angle = _some(math.pi * (2 * torch.rand(count, generator=random) - 1), probability, random)
    scale = _some(settings.zoom * torch.randn(count, generator=random), probability, random).exp2()
    shift = 2 * settings.shift * (2 * torch.rand(count, 2, generator=random) - 1)
    shift = shift * (torch.rand(count, 1, generator=random) < probability)
    rows = [
        torch.stack([scale * angle.cos(), -scale * angle.sin(), shift[:, 0]], dim=1),
        torch.stack([scale * angle.sin(), scale * angle.cos(), shift[:, 1]], dim=1),
    ]
    matrix = torch.stack(rows, dim=1).to(pictures)
    grid = F.affine_grid(matrix, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _recoloured(pictures: Tensor, settings: AugmentSettings, probability: float, random: torch.Generator) -> Tensor:
    """Changes brightness, contrast and saturation."""
    count = len(pictures)
    values = torch.randn(3, count, generator=random)
    brightness = _some(settings.brightness * values[0], probability, random)
    contrast = _some(settings.contrast * values[1], probability, random).exp2()
    saturation = _some(settings.saturation * values[2], probability, random).exp2()
    brightness, contrast, saturation = (
        value.view(-1, 1, 1, 1).to(pictures) for value in (brightness, contrast, saturation)
    )
    pictures = pictures * contrast + brightness
    gray = gray_of(pictures)
    return gray + saturation * (pictures - gray)


def _partly_hidden(pictures: Tensor, share: float, probability: float, random: torch.Generator) -> Tensor:
    """Makes a square of some pictures gray."""
    count, side = len(pictures), pictures.shape[-1]
    middle = torch.rand(2, count, 1, generator=random)
    place = (torch.arange(side) + 0.5) / side
    rows, columns = ((place - centre).abs() < share / 2 for centre in middle)
    chosen = (torch.rand(count, 1, 1, generator=random) < probability) & rows[:, :, None] & columns[:, None, :]
    return pictures.masked_fill(chosen[:, None].to(pictures.device), 0)


def _some(values: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Keeps each value (B,) with this probability and makes the others 0, which changes nothing."""
    return values * (torch.rand(len(values), generator=random) < probability)
