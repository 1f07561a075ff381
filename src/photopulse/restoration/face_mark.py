"""The invisible mark of redrawn faces: adds it to them, and tells where it may be found in a picture."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from photopulse.faces.clean_crop import CROP_SIZE
from photopulse.faces.detect import FaceDetector
from photopulse.faces.region import FaceRegion, ffhq_region
from photopulse.images.arrays import to_array
from photopulse.provenance.embed import LEAST_FACE_SIDE, mark_face
from photopulse.provenance.face import MOST_FACES
from photopulse.provenance.find import Square
from photopulse.provenance.payload import MarkChoice, Payload
from photopulse.restoration.face_mask import band_weights
from photopulse.restoration.faces import DRAWN, FoundFace
from photopulse.restoration.paste import FINEST


def mark_faces(
    photo: Tensor, found: Sequence[FoundFace], payload: Payload, choice: MarkChoice, *, growth: float
) -> list[FoundFace]:
    """Adds a mark to the redrawn faces of a photo, in place, where they were pasted and nowhere else.

    Args:
        photo: restored photo (1, 3, H, W) in [0, 1]; it is changed.
        found: faces; those without a crop are passed over.
        payload: content of the mark.
        choice: whether faces are marked at all.
        growth: width of the photo over the width of the one in which the faces were found.

    Returns:
        All faces in their order; the record of each redrawn one tells its mark.
    """
    return [
        face
        if face.crop is None
        else replace(face, told=replace(face.told, mark=_marked(photo, face, payload, choice, growth)))
        for face in found
    ]


def face_squares(photo: Tensor, detector: FaceDetector) -> list[Square]:
    """Returns the squares around the largest faces of a picture (1, 3, H, W) in [0, 1], in which marks may be found."""
    pixels = to_array(photo)
    regions: list[FaceRegion] = []
    for face in detector.detect(photo)[:MOST_FACES]:
        try:
            regions.append(ffhq_region(detector.mesher.fit(pixels, face)))
        except ValueError:  # The mesh has collapsed: there is no face.
            continue
    return [Square(x=region.centre[0], y=region.centre[1], side=region.side) for region in regions]


def _marked(photo: Tensor, face: FoundFace, payload: Payload, choice: MarkChoice, growth: float) -> str:
    """Marks one face, and returns what is told of its mark."""
    region = face.region.scaled(growth)
    if choice == "off":
        return "off"
    if region.side < LEAST_FACE_SIDE:
        return "too small"
    # The finest band of the face was pasted by these weights.
    size = min(round(region.side), CROP_SIZE)
    deviation = FINEST * DRAWN.feather
    (weight,) = band_weights(face.mesh.scaled(growth), region, size, reach=DRAWN.reach, deviations=[deviation])
    patch = region.place(torch.from_numpy(weight)[None, None], (photo.shape[2], photo.shape[3]))
    mark_face(photo, patch.window, patch.pixels.clamp(0, 1), region.side, payload)
    return str(payload)
