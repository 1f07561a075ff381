"""Reads small faces as targets of the search."""

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images.given import ImageLike, read_pixels
from photopulse.images.resize import middle_square

TARGET_SIZES = (4, 8, 16, 32, 64, 128, 256)


def target_sizes(resolution: int) -> list[int]:
    """Lists the heights (and widths) of small faces that a generator of that resolution can be searched for."""
    return [size for size in TARGET_SIZES if size < resolution and resolution % size == 0]


def read_target(face: ImageLike, *, resolution: int) -> Tensor:
    """Reads a small face as (1, 3, h, h) in [0, 1]; transparent parts become white.

    Raises:
        PhotopulseError: if it is not square, or its size is none of the ``target_sizes``.
    """
    name, pixels = read_pixels(face)
    height, width = pixels.shape[-2:]
    sizes = target_sizes(resolution)
    if height != width or height not in sizes:
        raise PhotopulseError(
            f"cannot upscale {name}",
            why=f"it has {width} x {height} pixels, and the search takes squares of {listed(sizes)} pixels",
            fix="use --align 32 for a photo (it finds the face and makes it small), "
            "or --fit for a larger picture that is framed as the generator's",
        )
    return pixels


def read_targets(faces: ImageLike, *, resolution: int) -> Tensor:
    """Reads one small face as ``read_target`` does, or several as a tensor; returns (B, 3, h, h) in [0, 1]."""
    if isinstance(faces, Tensor) and faces.ndim == 4 and len(faces) > 1:
        return torch.cat([read_target(face, resolution=resolution) for face in faces.unsqueeze(1)])
    return read_target(faces, resolution=resolution)


def fit_target(face: ImageLike, *, resolution: int) -> Tensor:
    """Reads any picture of one face as the largest target that it can fill, (1, 3, h, h) in [0, 1].

    The central square of the picture is downscaled (never enlarged) by an antialiased bicubic filter.

    Raises:
        PhotopulseError: if the picture is too small.
    """
    # Choose the largest size that needs no enlargement.
    name, pixels = read_pixels(face)
    side = min(pixels.shape[-2:])
    sizes = [size for size in target_sizes(resolution) if size <= side]
    if not sizes:
        raise PhotopulseError(
            f"cannot upscale {name}",
            why=f"its shorter side has {side} px",
            fix=f"give a picture of at least {TARGET_SIZES[0]} px",
        )
    # Crop the central square and downscale it.
    resized = F.interpolate(middle_square(pixels), size=(sizes[-1], sizes[-1]), mode="bicubic", antialias=True)
    return resized.clamp(0, 1)


def listed(sizes: list[int]) -> str:
    """Formats sizes as a choice, e.g. ``"4, 8 or 16"``."""
    return " or ".join(", ".join(map(str, part)) for part in (sizes[:-1], sizes[-1:]) if part)
