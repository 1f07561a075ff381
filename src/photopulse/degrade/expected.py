"""What a corruption makes of a picture on average, differentiably."""

import math

import torch
from torch import Tensor

from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruptions import Corruption
from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.jpeg_model import jpeg_model
from photopulse.degrade.mosaic import Mosaic, pixelate
from photopulse.degrade.noise import ChromaNoise, GaussianNoise, SaltAndPepper
from photopulse.degrade.resample import at_least_float32
from photopulse.degrade.spread import spread

# How much unit noise of Cb and Cr moves red, green and blue, see ChromaNoise.
_CHROMA = (1.402, math.hypot(0.299 * 1.402, 0.114 * 1.772) / 0.587, 1.772)


def expected(image: Tensor, part: Corruption) -> Tensor:
    """Gives the mean of ``part(image)`` over its randomness, (B, 3, H, W); a corruption unknown here does nothing.

    Blurs and mosaics are exact. JPEG has the codec's values and the gradients of ``jpeg_model``. Salt and pepper of a
    fraction p is ``(1 - p) x + p / 2``. Noise moves the mean only where clamping cuts it off, near black and white;
    beyond [0, 1], where pictures are clamped at last but a search still needs a slope, the value goes on as a line.
    """
    match part:
        case MotionBlur() | Defocus() | GaussianBlur():
            return spread(image, part)
        case Jpeg():
            return jpeg_model(image, part)
        case Mosaic():
            return pixelate(image, int(part.side))
        case SaltAndPepper():
            return image + part.fraction * (0.5 - image)
        case GaussianNoise():
            return _clamped(image, [part.std / 255])
        case ChromaNoise():
            return _clamped(image, [part.std / 255 * share for share in _CHROMA])
        case _:
            return image


def _clamped(image: Tensor, stds: list[float]) -> Tensor:
    """The mean of normal values around each pixel, clamped to [0, 1]; one deviation for all channels or each."""
    if max(stds) == 0:
        return image
    values = at_least_float32(image)
    std, inside = values.new_tensor(stds)[:, None, None], values.clamp(0, 1)
    cut_below, cut_above = std * _excess(-inside / std), std * _excess((inside - 1) / std)
    return (values + cut_below - cut_above).to(image.dtype)


def _excess(mean: Tensor) -> Tensor:
    """The mean of the positive part of a normal variable of deviation 1."""
    return torch.exp(-mean.square() / 2) / math.sqrt(2 * math.pi) + mean / 2 * torch.erfc(-mean / math.sqrt(2))
