"""Measures the evidence of a face in a photo: effective resolution, blur, noise and JPEG blocks, in milliseconds.

The power spectra of sharp, FFHQ-aligned faces are alike: the power of each frequency band, relative to the coarse
bands, varies by no more than a factor of 1.6. The effective resolution is the frequency from which on a face has lost
most of that power, or from which on noise has more.
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
"""Edges of the frequency bands, each as the side in px that a square picture needs to show that frequency."""

# Decimal logarithm of the power density of each band of sharp faces at 512 px: medians of 86 official portraits.
_SHARP: Final = (1.03, 0.59, 0.15, -0.17, -0.64, -1.14, -1.54, -2.01, -2.52, -3.12, -3.84)
_COARSE: Final = 2  # Number of the lowest bands, which give the contrast: hardly any damage reaches them.
_LOST: Final = 0.2  # A band with a smaller share of its expected power counts as lost.
_FLAT: Final = 1e-8  # Below this power, even the coarse bands hold only rounding errors.
_LARGEST: Final = SIZES[-1]
_FULL: Final = 0.7  # Share of the pixels: lens and sensor blur the finest frequencies of every photo.
_BLUR: Final = 0.44  # Deviation of the Gaussian blur times the effective resolution, over the side of the picture.


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a photo still shows of a face.

    Attributes:
        pixels: side of the square around the face, in px of the photo.
        effective_resolution: smallest side in px to which the face can be downscaled without a visible loss.
        blur: deviation of the Gaussian blur that has the same effective resolution, in px of the photo; 0 if no
            detail is lost.
        noise: standard deviation of the luma's noise, on the scale of [0, 1].
        blocks: mean step across the edges of JPEG blocks over the mean step within them; 1 without blocks.
    """

    pixels: int
    effective_resolution: float
    blur: float
    noise: float
    blocks: float

    def fills(self, side: float) -> bool:
        """Returns whether the face shows as much detail as a square of ``side`` px can."""
        return self.effective_resolution >= _FULL * min(side, _LARGEST)


def measure_evidence(crop: Tensor, *, pixels: int, blocks: float = 1.0) -> Evidence:
    """Returns the evidence of an FFHQ-aligned crop.

    Args:
        crop: (1, 3, s, s) in [0, 1], s from 16 to 512 and no larger than ``pixels``.
        pixels: side of the cropped square, in px of the photo.
        blocks: ratio from ``blockiness``.
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
    """Returns the deviation in px of the Gaussian blur that gives a sharp picture of ``side`` px that resolution."""
    return _BLUR * side / resolution


def blockiness(photo: Tensor, window: tuple[slice, slice]) -> float:
    """Returns the mean step across the edges of blocks of 8x8 px over the mean step elsewhere.

    The ratio is at least 1, which stands for no blocks, and 1 for windows of less than three blocks.

    Args:
        photo: whole photo (1, 3, H, W) in [0, 1], because the grid of blocks begins in its top left corner.
        window: rows and columns that are measured.
    """
    # Compare the steps in both directions.
    rows, columns = window
    luma = gray_of(photo[..., rows, columns])[0, 0]
    if min(luma.shape) < 24:
        return 1.0
    ratios: list[float] = []
    for plane, start in ((luma, columns.start), (luma.t(), rows.start)):
        # Neighbouring steps are subtracted, because a smooth slope is no block edge.
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
    # Find the first band that is lost together with the next one.
    centres = [math.sqrt(low * min(high, side)) for low, high in pairwise(SIZES)]
    for i in range(_COARSE, len(power)):
        if is_lost[i] and (i + 1 == len(power) or is_lost[i + 1]):
            # Interpolate logarithmically between the last band that is left and the first that is lost.
            before, after = math.log(float(left[i - 1])), math.log(float(left[i]))
            share = min(max((before - math.log(_LOST)) / max(before - after, 1e-9), 0.0), 1.0)
            return centres[i - 1] * (centres[i] / centres[i - 1]) ** share
    return float(side)


def _expected(power: Tensor, side: int) -> Tensor:
    """Returns the power density that a sharp face of the same contrast has in each band."""
    # Downscaling keeps the amplitude of a wave, so its power density falls with the number of pixels.
    sharp = 10 ** torch.tensor(_SHARP[: len(power)], dtype=torch.float64) * (side / _LARGEST) ** 2
    return sharp * (power[:_COARSE] / sharp[:_COARSE]).median()


@cache
def _window(side: int) -> Tensor:
    """Returns weights (side, side): 1 on the face of an FFHQ-aligned crop, falling smoothly to 0 at its border."""
    line = torch.linspace(-1, 1, side, dtype=torch.float64)
    distance = (line[None] / 0.55).square() + ((line[:, None] - 0.08) / 0.6).square()
    return torch.exp(-distance.square())


@cache
def _bands(side: int) -> tuple[Tensor, ...]:
    """Returns a mask (side, side // 2 + 1) of the frequencies of each band that a crop of that side can show."""
    rows = cast(Tensor, torch.fft.fftfreq(side))[:, None]
    columns = cast(Tensor, torch.fft.rfftfreq(side))[None]
    size = torch.hypot(rows, columns) * 2 * side
    edges = [*(size for size in SIZES if size < 0.85 * side), side]
    return tuple((size >= low) & (size < high) for low, high in pairwise(edges))
