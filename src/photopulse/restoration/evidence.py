"""What a photo still shows of a face: up to which fineness, and how noisy and blocky it is. Takes milliseconds.

The power spectra of sharp, FFHQ-aligned faces are alike: each band of fineness holds as much power, in proportion to
the coarse bands, within a factor of 1.6. Where a face has lost most of it, or where noise holds more, evidence ends.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, cast

import torch
from torch import Tensor

from photopulse.images.gray import gray_of

SIZES: Final = (11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512)
"""Edges of the bands: px that a square face needs to show them."""

# Decimal logarithm of the power density of each band of sharp faces at 512 px: medians of 86 official portraits.
_SHARP: Final = (1.03, 0.59, 0.15, -0.17, -0.64, -1.14, -1.54, -2.01, -2.52, -3.12, -3.84)
_COARSE: Final = 2  # The lowest bands, which hardly any damage reaches, tell the contrast.
_LOST: Final = 0.2  # Of a band's power: less is left by half of the contrast and a little.
_FLAT: Final = 1e-8  # Below this power even the coarse bands are rounding.
_LARGEST: Final = SIZES[-1]
_FULL: Final = 0.7  # Of the pixels that there are: a lens and a sensor leave the last ones soft.
_BLUR: Final = 0.44  # Deviation of the Gaussian blur times the effective resolution, over the side of the picture.


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a face crop still holds.

    Attributes:
        pixels: side of the square around the face in px of the photo.
        effective_resolution: smallest side in px from which the face can be enlarged again without a visible loss.
        blur: deviation of the Gaussian blur that would have left as much, in px of the photo; 0 where nothing is lost.
        noise: standard deviation of the luma's noise, in [0, 1].
        blocks: how much larger the steps over the edges of JPEG's blocks are than those within; 1 is none.
    """

    pixels: int
    effective_resolution: float
    blur: float
    noise: float
    blocks: float

    def fills(self, side: float) -> bool:
        """Whether the face shows as much as a square of ``side`` px can."""
        return self.effective_resolution >= _FULL * min(side, _LARGEST)


def measure_evidence(crop: Tensor, *, pixels: int, blocks: float = 1.0) -> Evidence:
    """Measures an FFHQ-aligned crop.

    Args:
        crop: (1, 3, s, s) in [0, 1], s from 16 to 512, no larger than the photo shows it.
        pixels: side of that square in the photo.
        blocks: from ``blockiness``.
    """
    side = crop.shape[-1]
    power, noise = _band_powers(crop)
    resolution = _effective_resolution(power, noise, side)
    is_full = resolution >= side
    return Evidence(
        pixels=pixels,
        effective_resolution=round(min(resolution, float(side)), 1),
        blur=0.0 if is_full else round(blur_of(resolution, side) * pixels / side, 2),
        noise=round(math.sqrt(noise), 4),
        blocks=round(blocks, 2),
    )


def blur_of(resolution: float, side: int) -> float:
    """The deviation in px of the Gaussian that leaves that effective resolution in a sharp picture of ``side`` px."""
    return _BLUR * side / resolution


def blockiness(photo: Tensor, window: tuple[slice, slice]) -> float:
    """Compares steps over the edges of 8x8 blocks with steps between them.

    Args:
        photo: (1, 3, H, W) in [0, 1], from its top left corner on, where the blocks begin.
        window: rows and columns to look at.

    Returns:
        Mean step over edges over mean step elsewhere, 1 without blocks and for windows of less than three blocks.
    """
    rows, columns = window
    luma = gray_of(photo[..., rows, columns])[0, 0]
    if min(luma.shape) < 24:
        return 1.0
    ratios: list[float] = []
    for plane, start in ((luma, columns.start), (luma.t(), rows.start)):
        # The step minus its neighbours': a slope is no step.
        step = plane.diff(dim=1)
        step = (step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2).abs().mean(0)
        on_edge = (torch.arange(len(step)) + start + 2) % 8 == 0
        ratios.append(float(step[on_edge].mean() / step[~on_edge].mean().clamp(min=1e-6)))
    return max(sum(ratios) / 2, 1.0)


def _band_powers(crop: Tensor) -> tuple[Tensor, float]:
    """Returns the power density of each band that the crop can show, and the noise's variance."""
    side = crop.shape[-1]
    window, bands = _window(side), _bands(side)
    luma = gray_of(crop)[0, 0].double()
    centred = (luma - (luma * window).sum() / window.sum()) * window
    density = cast(Tensor, torch.fft.rfft2(centred)).abs().square() / window.square().sum()
    # Each column but the first and last stands for its mirror image, too.
    mirrored = torch.full((density.shape[1],), 2.0, dtype=torch.float64)
    mirrored[0] = 1
    power = torch.stack([(density * mirrored * band).sum() / (mirrored * band).sum() for band in bands])
    expected = _expected(power, side)
    # The finest band holds noise and, where the face is sharp, as much of the face as sharp faces have there.
    finest, sharp = power[-1].item(), expected[-1].item()
    return power, finest if finest < _LOST * sharp else max(finest - sharp, 0.0)


def _effective_resolution(power: Tensor, noise: float, side: int) -> float:
    if power[:_COARSE].max() < _FLAT:
        return float(SIZES[0])
    expected = _expected(power, side)
    left = ((power - noise) / expected).clamp(min=1e-9)
    # What is left of a band counts as lost where noise holds more than the face.
    left = torch.where(power < 2 * noise, torch.minimum(left, torch.tensor(_LOST * 0.99)), left)
    is_lost = left < _LOST
    centres = [math.sqrt(low * min(high, side)) for low, high in pairwise(SIZES)]
    for i in range(_COARSE, len(power)):
        if is_lost[i] and (i + 1 == len(power) or is_lost[i + 1]):
            # Between the last band that is there and the first that is lost, by the logarithms.
            before, after = math.log(float(left[i - 1])), math.log(float(left[i]))
            share = min(max((before - math.log(_LOST)) / max(before - after, 1e-9), 0.0), 1.0)
            return centres[i - 1] * (centres[i] / centres[i - 1]) ** share
    return float(side)


def _expected(power: Tensor, side: int) -> Tensor:
    """The power density that a sharp face of the same contrast has in each band."""
    # Shrinking keeps a wave's amplitude: its density falls with the number of pixels.
    sharp = 10 ** torch.tensor(_SHARP[: len(power)], dtype=torch.float64) * (side / _LARGEST) ** 2
    return sharp * (power[:_COARSE] / sharp[:_COARSE]).median()


@cache
def _window(side: int) -> Tensor:
    """One on the face of an FFHQ-aligned crop, falling smoothly to zero at its border."""
    line = torch.linspace(-1, 1, side, dtype=torch.float64)
    distance = (line[None] / 0.55).square() + ((line[:, None] - 0.08) / 0.6).square()
    return torch.exp(-distance.square())


@cache
def _bands(side: int) -> tuple[Tensor, ...]:
    """Masks (side, side // 2 + 1) of the frequencies of each band that a crop of that side can show."""
    rows = cast(Tensor, torch.fft.fftfreq(side))[:, None]
    columns = cast(Tensor, torch.fft.rfftfreq(side))[None]
    size = torch.hypot(rows, columns) * 2 * side
    edges = [*(size for size in SIZES if size < 0.85 * side), side]
    return tuple((size >= low) & (size < high) for low, high in pairwise(edges))
