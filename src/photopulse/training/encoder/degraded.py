"""Degrades rendered faces at random, so that they resemble those of photos: blur, noise, misalignment, occlusion."""

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SmallDegradation:
    """Ranges of the random degradation of small faces, drawn independently for each face or group of faces.

    Attributes:
        shrunk: share of the batches whose resolution is halved, as that of inputs of 16 px.
        blur: largest standard deviation of the Gaussian blur, in px.
        noise: largest standard deviation of the Gaussian noise, for values in [0, 1].
        shift: largest shift along each axis, in px.
        zoom: largest relative change of the scale.
        turn: largest rotation, in degrees.
        covered: share of the faces that are partly hidden by a rectangle of one colour.
    """

    shrunk: float = 0.3
    blur: float = 0.8
    noise: float = 0.03
    shift: float = 0.7
    zoom: float = 0.04
    turn: float = 3.0
    covered: float = 0.1


def degraded(faces: Tensor, settings: SmallDegradation, random: torch.Generator) -> Tensor:
    """Degrades faces (B, 3, s, s) in [0, 1] and returns the same shape; ``random`` is a generator on the CPU."""
    faces = _misaligned(faces, settings, random)
    faces = _covered(faces, settings.covered, random)
    side = faces.shape[-1]
    if _draw(random) < settings.shrunk:
        faces = _resized(_resized(faces, side // 2), side)
    faces = _blurred(faces, settings.blur * _draw(random))
    noise = torch.rand(len(faces), 1, 1, 1, generator=random).square() * settings.noise
    return (faces + noise * torch.randn(faces.shape, generator=random)).clamp(0, 1)


def _misaligned(faces: Tensor, settings: SmallDegradation, random: torch.Generator) -> Tensor:
    turn, zoom, right, down = (2 * torch.rand(4, len(faces), generator=random) - 1).unbind()
    angle, scale = math.radians(settings.turn) * turn, 1 + settings.zoom * zoom
    move = 2 * settings.shift / faces.shape[-1]
    rows = [
        torch.stack([scale * angle.cos(), -scale * angle.sin(), move * right], dim=1),
        torch.stack([scale * angle.sin(), scale * angle.cos(), move * down], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(faces.shape), align_corners=False)
    return F.grid_sample(faces, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)


def _covered(faces: Tensor, share: float, random: torch.Generator) -> Tensor:
    side = faces.shape[-1]
    faces = faces.clone()
    for face in faces:
        if _draw(random) < share:
            height, width = cast(list[int], torch.randint(3, side // 2, (2,), generator=random).tolist())
            top, left = (int(_draw(random) * (side - length)) for length in (height, width))
            face[:, top : top + height, left : left + width] = torch.rand(3, 1, 1, generator=random)
    return faces


def _blurred(faces: Tensor, deviation: float) -> Tensor:
    place = torch.arange(-2, 3)
    kernel = torch.exp(-place.square() / (2 * max(deviation, 0.1) ** 2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    along = F.conv2d(F.pad(faces, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    return F.conv2d(along, kernel.transpose(2, 3), groups=3)


def _resized(faces: Tensor, side: int) -> Tensor:
    return F.interpolate(faces, (side, side), mode="bicubic", antialias=True, align_corners=False)


def _draw(random: torch.Generator) -> float:
    return torch.rand((), generator=random).item()
