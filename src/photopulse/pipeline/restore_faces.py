"""Finding the faces of a photo, restoring each upright, and putting them back.

Points are (x, y) in pixels, counted from the centre of the top left pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from photopulse.faces.blazeface import to_array
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion, face_region
from photopulse.pipeline.restore_networks import RestoreNetworks
from photopulse.restore.face import FACE_SIZE
from photopulse.restore.paste import paste_face

# A face of fewer px shows too little of a person: a network would invent one.
LEAST_FACE = 16


@dataclass(frozen=True, kw_only=True)
class RestoredFace:
    """What became of a face.

    Attributes:
        corners: of the square around the head, upright in itself, in px of the input photo: top left, bottom left,
            bottom right, top right.
        side: of the face from brow to chin, in px of the input photo.
        confidence: how sure the detector is that it is a face, 0 to 1.
        restored: whether the face network restored it.
        why_not: why it was left to the photo network, if so.
    """

    corners: tuple[tuple[float, float], ...]
    side: float
    confidence: float
    restored: bool
    why_not: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundFace:
    """A face of a photo: ``mesh`` and ``region`` are in its px, ``told`` is what the user hears."""

    mesh: FaceMesh
    region: FaceRegion
    told: RestoredFace


def find_faces(photo: Tensor, detector: FaceDetector, *, growth: float, most: int) -> list[FoundFace]:
    """Finds the faces of a photo (1, 3, H, W) in [0, 1], largest first, and says which are to be restored.

    Args:
        photo: where to look.
        detector: from ``FaceDetector.load``.
        growth: width of this photo over the width of the input, in whose px the user hears of the faces.
        most: so many of the largest faces are restored.
    """
    faces = detector.detect(photo)
    if not faces:
        return []
    pixels = to_array(photo)
    found: list[FoundFace] = []
    chosen = 0
    for face in faces:
        mesh = detector.mesher.fit(pixels, face)
        try:
            region = face_region(mesh)
        except ValueError:  # The mesh has collapsed: there is no face.
            continue
        why_not = _why_not(face.side / growth, chosen, most)
        chosen += why_not is None
        told = RestoredFace(
            corners=tuple((_input_px(x, growth), _input_px(y, growth)) for x, y in region.corners.tolist()),
            side=round(face.side / growth, 1),
            confidence=round(face.score, 3),
            restored=why_not is None,
            why_not=why_not,
        )
        found.append(FoundFace(mesh=mesh, region=region, told=told))
    return found


def _why_not(side: float, chosen: int, most: int) -> str | None:
    if side < LEAST_FACE:
        return f"it is smaller than {LEAST_FACE} px"
    return f"there are {most} larger faces" if chosen >= most else None


def restore_faces(
    photo: Tensor, cleaned: Tensor, found: Sequence[FoundFace], networks: RestoreNetworks, *, fidelity: float
) -> list[Tensor]:
    """Restores the faces of a photo (1, 3, H, W), of which ``cleaned`` is the restored version.

    Returns:
        Upright crops (1, 3, s, s), one for each face.
    """
    damaged, clean = (
        torch.cat([face.region.crop(picture, FACE_SIZE).clamp(0, 1) for face in found]) for picture in (photo, cleaned)
    )
    return list(cast(tuple[Tensor, ...], networks.faces(damaged, clean, fidelity).split(1)))


def paste_faces(photo: Tensor, found: Sequence[FoundFace], crops: Sequence[Tensor]) -> None:
    """Writes restored faces, given largest first, into a restored photo (1, 3, H, W) in place.

    The smallest comes last: the soft border of a large face would cover a small one beside it.
    """
    for face, crop in zip(found, crops, strict=True):
        patch = paste_face(photo, crop, face.region, face.mesh)
        photo[(..., *patch.window)] = patch.pixels.clamp_(0, 1)


def _input_px(place: float, growth: float) -> float:
    """Takes a pixel's place back to the photo as it was before it grew."""
    return round((place + 0.5) / growth - 0.5, 1)
