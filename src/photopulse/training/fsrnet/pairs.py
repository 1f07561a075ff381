"""Batches for face super-resolution: small faces, the sharp ones, and their geometry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.training.batches import BatchOrder, made_ahead
from photopulse.training.fsrnet.face_parts import MIRRORED_LANDMARKS, MIRRORED_PARTS, Maps, draw_landmarks, draw_parts
from photopulse.training.fsrnet.faces import CropSettings, Pixels, TrainingFace, random_crop


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceBatch:
    """Faces (B, 3, s, s) in [0, 1] with their downscaled versions (B, 3, s / factor, s / factor) in steps of 1/255.

    ``landmarks`` (B, 32, h, h) and ``parts`` (B, 8, h, h) are drawn from the mesh, left and right as seen.
    """

    sharp: Tensor
    small: Tensor
    landmarks: Tensor
    parts: Tensor


def make_batch(
    faces: Sequence[TrainingFace], settings: CropSettings, random: np.random.Generator, *, factor: int, map_size: int
) -> FaceBatch:
    """Crops each face at random and downscales it by ``factor``; the maps have ``map_size`` px."""
    crops, landmarks, parts = zip(*(_example(face, settings, random, map_size) for face in faces), strict=True)
    sharp = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255
    small = (Bicubic(factor)(sharp).clamp(0, 1) * 255).round() / 255
    return FaceBatch(
        sharp=sharp,
        small=small,
        landmarks=torch.from_numpy(np.stack(landmarks)),
        parts=torch.from_numpy(np.stack(parts)),
    )


def _example(
    face: TrainingFace, settings: CropSettings, random: np.random.Generator, map_size: int
) -> tuple[Pixels, Maps, Maps]:
    crop, points, mirrored = random_crop(face, settings, random)
    on_map = (points + 0.5) * (map_size / settings.size) - 0.5
    landmarks, parts = draw_landmarks(on_map, map_size), draw_parts(on_map, map_size)
    if mirrored:
        landmarks, parts = landmarks[list(MIRRORED_LANDMARKS)], parts[list(MIRRORED_PARTS)]
    return crop, landmarks, parts


def batches(
    faces: Sequence[TrainingFace],
    settings: CropSettings,
    order: BatchOrder,
    *,
    factor: int,
    map_size: int,
) -> Iterator[FaceBatch]:
    """Yields batches as ``make_batch`` makes them, each in a thread while the batch before is used."""

    def batch(number: int) -> FaceBatch:
        random = np.random.default_rng([order.seed, number])
        picks = cast(list[int], random.integers(len(faces), size=order.batch_size).tolist())
        return make_batch([faces[i] for i in picks], settings, random, factor=factor, map_size=map_size)

    return made_ahead(batch, order)
