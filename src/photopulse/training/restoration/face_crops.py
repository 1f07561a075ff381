"""Training data of the face network: upright crops of faces, varied at random."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade.photo import DamageRecipe
from photopulse.networks.face import FACE_SIZE
from photopulse.training.batches import BatchOrder, made_ahead
from photopulse.training.restoration.pairs import Pairs, damage_and_restore_size, gray_as

Pixels = NDArray[np.uint8]
Places = NDArray[np.int64]

# Stored crops are wider by this factor, to leave room for random turns, shifts and scales.
MARGIN: Final = 1.3125
STORED_SIZE: Final = round(FACE_SIZE * MARGIN)


@dataclass(frozen=True, kw_only=True)
class Jitter:
    """Random augmentation of the stored crops.

    Attributes:
        turn: standard deviation of the angle in degrees.
        zoom: standard deviation of the logarithm of the scale.
        shift: standard deviation of both coordinates, as a share of the side.
        gain: standard deviation of the logarithm of each colour channel's gain.
        gamma: standard deviation of the logarithm of gamma.
        gray: share of gray faces.
    """

    turn: float = 2.0
    zoom: float = 0.04
    shift: float = 0.015
    gain: float = 0.05
    gamma: float = 0.1
    gray: float = 0.12


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceCrops:
    """Faces as ``gather_faces`` stores them, on disk until they are used.

    Attributes:
        pixels: stored crops, uint8 (M, STORED_SIZE, STORED_SIZE, 3).
        photos: number of the photo of each crop (M,).
        places: indices of the crops to use (N,); an index may occur several times.
        jitter: random augmentation.
    """

    pixels: Pixels
    photos: Places
    places: Places
    jitter: Jitter = Jitter()

    def __len__(self) -> int:
        return len(self.places)

    def without(self, faces: Sequence[int]) -> "FaceCrops":
        """Leaves out some faces and all others of their photos, so that held-out photos are never trained on."""
        apart = np.isin(self.photos[self.places], self.photos[self.places[list(faces)]])
        return replace(self, places=self.places[~apart])

    def stored(self, face: int) -> Pixels:
        """Returns a crop as it is stored, (STORED_SIZE, STORED_SIZE, 3)."""
        return self.pixels[self.places[face]]

    def upright(self, face: int) -> Tensor:
        """Returns one face without augmentation, as ``restore`` crops it, (1, 3, 256, 256) in [0, 1]."""
        start = (STORED_SIZE - FACE_SIZE) // 2
        part = self.stored(face)[start : start + FACE_SIZE, start : start + FACE_SIZE]
        return torch.from_numpy(part.copy()).permute(2, 0, 1)[None] / 255


def face_batches(faces: FaceCrops, order: BatchOrder) -> Iterator[Tensor]:
    """Yields batches of sharp faces (B, 3, 256, 256) in [0, 1]."""

    def batch(number: int) -> Tensor:
        return torch.cat(_draw_faces(faces, order.batch_size, order.random(number)))

    return made_ahead(batch, order)


def face_pairs(faces: FaceCrops, recipe: DamageRecipe, order: BatchOrder) -> Iterator[Pairs]:
    """Yields batches of sharp and damaged faces."""

    def batch(number: int) -> Pairs:
        random = order.random(number)
        sharp = _draw_faces(faces, order.batch_size, random)
        damaged = [gray_as(damage_and_restore_size(face, recipe, random), face) for face in sharp]
        return Pairs(damaged=torch.cat(damaged), sharp=torch.cat(sharp))

    return made_ahead(batch, order)


def _draw_faces(faces: FaceCrops, count: int, random: torch.Generator) -> list[Tensor]:
    places = cast(list[int], torch.randint(len(faces), (count,), generator=random).tolist())
    return [_draw_face(faces.stored(place), faces.jitter, random) for place in places]


def _draw_face(stored: Pixels, jitter: Jitter, random: torch.Generator) -> Tensor:
    # Random numbers, always the same count.
    turn, zoom, right, down, *tint = cast(list[float], torch.randn(8, generator=random).tolist())
    mirrored, gray = cast(list[float], torch.rand(2, generator=random).tolist())

    # Rotation, scale and shift, in one interpolation.
    scale, angle = math.exp(jitter.zoom * zoom), jitter.turn * turn
    matrix = cv2.getRotationMatrix2D(((STORED_SIZE - 1) / 2, (STORED_SIZE - 1) / 2), angle, scale)
    matrix[:, 2] += (FACE_SIZE - STORED_SIZE) / 2 + np.array([right, down]) * jitter.shift * FACE_SIZE
    pixels = cv2.warpAffine(
        np.ascontiguousarray(stored),
        matrix,
        (FACE_SIZE, FACE_SIZE),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )

    # Mirror and colours.
    face = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    if mirrored < 0.5:
        face = face.flip(3)
    gains = torch.tensor(tint[:3]).mul(jitter.gain).exp().view(1, 3, 1, 1)
    face = (face ** math.exp(jitter.gamma * tint[3]) * gains).clamp(0, 1)
    return face.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1) if gray < jitter.gray else face
