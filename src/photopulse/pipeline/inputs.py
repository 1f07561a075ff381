"""Pictures as the user gives them, made into what the search takes."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import read_image

ImageLike = str | Path | Tensor
SMALLEST_INPUT, LARGEST_INPUT = 4, 256


def read_pixels(path: Path) -> Tensor:
    """Reads a picture as (1, 3, H, W) in [0, 1]; transparent parts become white."""
    photo = read_image(path)
    if photo.alpha is None:
        return photo.pixels
    return photo.pixels * photo.alpha + (1 - photo.alpha)


def read_target(face: ImageLike, *, resolution: int) -> Tensor:
    """Reads a small face as (1, 3, h, h) in [0, 1]; transparent parts become white.

    Raises:
        PhotopulseError: if it is no square, or its size does not divide the resolution.
    """
    name, pixels = ("the given picture", face) if isinstance(face, Tensor) else (str(face), read_pixels(Path(face)))
    height, width = pixels.shape[-2:]
    fits = height == width and resolution % height == 0 and height < resolution
    if pixels.ndim != 4 or not fits or not SMALLEST_INPUT <= height <= LARGEST_INPUT:
        sizes = [2**i for i in range(2, 9) if resolution % 2**i == 0 and 2**i < resolution]
        raise PhotopulseError(
            f"cannot upscale {name}",
            why=f"it has {width} x {height} pixels, and the search takes squares of {_listed(sizes)}",
            fix="use --align 32 for a photo (it finds the face and makes it small), "
            "or --fit for a face that is already cropped",
        )
    return pixels


def fit_target(face: ImageLike, *, resolution: int) -> Tensor:
    """Reads any picture of one face as the largest square that the search takes, (1, 3, h, h) in [0, 1].

    The middle square of the picture, made smaller (never larger) by an antialiased bicubic filter.
    """
    pixels = face if isinstance(face, Tensor) else read_pixels(Path(face))
    side = min(pixels.shape[-2:])
    sizes = [2**i for i in range(2, 9) if resolution % 2**i == 0 and 2**i <= min(side, resolution // 2)]
    if not sizes:
        raise PhotopulseError(
            "cannot upscale the picture",
            why=f"its shorter side has {side} pixels",
            fix=f"give one of at least {SMALLEST_INPUT} pixels",
        )
    top, left = (pixels.shape[-2] - side) // 2, (pixels.shape[-1] - side) // 2
    square = pixels[..., top : top + side, left : left + side]
    resized = F.interpolate(square, size=(sizes[-1], sizes[-1]), mode="bicubic", antialias=True)
    return resized.clamp(0, 1)


def _listed(sizes: list[int]) -> str:
    return ", ".join(str(size) for size in sizes[:-1]) + f" or {sizes[-1]} pixels"
