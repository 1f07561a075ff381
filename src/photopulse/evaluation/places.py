"""Finds faces and their skin in the originals, so that all results are measured at the same place."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.align import Alignment, ffhq_quad
from photopulse.faces.detect import FaceDetector, find_mesh
from photopulse.faces.mesh import FaceMesh, ffhq_landmarks
from photopulse.faces.region import face_region
from photopulse.faces.skin_tone import LEAST_CHROMA, skin_coverage, skin_tone
from photopulse.images import read_image

_ALIGNED = 512


@dataclass(frozen=True, kw_only=True)
class FacePlace:
    """Place of the largest face of a photo.

    Attributes:
        box: left, top, right, bottom in px, right and bottom exclusive: the bounding box of the square that the face
            network takes.
        quad: corners of the FFHQ square: top left, bottom left, bottom right, top right, x and y in px.
    """

    box: tuple[int, int, int, int]
    quad: tuple[tuple[float, float], ...]

    def cut(self, photo: Tensor) -> Tensor:
        """Cuts the box out of (1, 3, H, W)."""
        left, top, right, bottom = self.box
        return photo[..., top:bottom, left:right]

    def align(self, photo: Tensor) -> Tensor:
        """Cuts the upright face (1, 3, 512, 512) out of (1, 3, H, W)."""
        return Alignment(quad=np.array(self.quad), size=_ALIGNED).crop(photo)


def find_face(photo: Tensor, detector: FaceDetector, *, least: int) -> FacePlace | None:
    """Finds the largest face of (1, 3, H, W) in [0, 1].

    Returns None if there is no face, or a side of its box is below ``least`` px.
    """
    mesh = find_mesh(photo, detector)
    if mesh is None:
        return None
    corners = face_region(mesh).corners
    limits = (photo.shape[3], photo.shape[2])
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, limits).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, limits).tolist()
    if min(right - left, bottom - top) < least:
        return None
    quad = ffhq_quad(*ffhq_landmarks(mesh)).tolist()
    return FacePlace(box=(left, top, right, bottom), quad=tuple((x, y) for x, y in quad))


class SkinFinder:
    """Finds the skin of originals, as the audit does, and caches it, because all methods are measured on it.

    Args:
        detector: face detector.
        side: height and width of the small faces in px.
    """

    def __init__(self, detector: FaceDetector, *, side: int) -> None:
        self._detector = detector
        self._side = side
        self._found: dict[Path, NDArray[np.float64] | None] = {}

    def coverage(self, sharp: Path) -> NDArray[np.float64] | None:
        """Returns the share of skin, in [0, 1], in each pixel (side, side) of the small face.

        It is None if the skin tone cannot be measured: no face is found in the original, its cheeks and forehead lie
        outside the picture, or the picture is grey.

        Raises:
            PhotopulseError: if the picture cannot be read.
        """
        if sharp not in self._found:
            self._found[sharp] = self._find(sharp)
        return self._found[sharp]

    def _find(self, sharp: Path) -> NDArray[np.float64] | None:
        image = read_image(sharp).pixels
        mesh = find_mesh(image, self._detector)
        if mesh is None or not _has_tone(image, mesh):
            return None
        return skin_coverage(mesh, picture_side=image.shape[-1], side=self._side)


def _has_tone(image: Tensor, mesh: FaceMesh) -> bool:
    try:
        return skin_tone(image, mesh).chroma >= LEAST_CHROMA
    except PhotopulseError:
        return False
