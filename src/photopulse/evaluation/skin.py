"""Where the skin is on the faces of an evaluation, in the pixels of the small ones."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector, find_mesh
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.skin_tone import LEAST_CHROMA, skin_coverage, skin_tone
from photopulse.images import read_image


class SkinFinder:
    """Finds the skin of sharp faces, as the audit does; remembers it, for all methods are measured on it.

    Args:
        detector: of faces.
        side: height and width of the small faces.
    """

    def __init__(self, detector: FaceDetector, *, side: int) -> None:
        self._detector = detector
        self._side = side
        self._found: dict[Path, NDArray[np.float64] | None] = {}

    def coverage(self, sharp: Path) -> NDArray[np.float64] | None:
        """Returns how much of each pixel (side, side) of the small face is skin.

        None where its tone cannot be measured: no face is found in the sharp picture, its cheeks and forehead lie
        outside, or it has no colour.

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
