"""Finds the faces of a photo, restores each in an upright crop, and pastes the results into the photo.

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor

from photopulse.faces.blazeface import Face
from photopulse.faces.clean_crop import CROP_SIZE, cleaned_crop
from photopulse.faces.detect import FaceDetector
from photopulse.faces.evidence import Evidence, blockiness, measure_evidence
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion, ffhq_region
from photopulse.images.arrays import to_array
from photopulse.images.resize import resized
from photopulse.restoration.choice import Box, is_chosen
from photopulse.restoration.face_bands import tinted_like, where_alike, with_photo_bands
from photopulse.restoration.face_mask import band_weights
from photopulse.restoration.face_restorer import DrawnFace, at_size
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.paste import PasteSettings, paste_face
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.why_not import LEAST_FACE, WhyNot

_MOST_MISFIT: Final = 1.0  # Faces that the generator knows less well are left as they are.
DRAWN: Final = PasteSettings(reach=0.45)
"""How redrawn faces are pasted: hair and ears are restored, too."""

_KEPT_REACH, _KEPT_FEATHER = 0.25, 0.04  # Of faces that are left, over the face's and the square's side.
# A face that is left is the input's up to the first amount of noise or blocks, and the cleaned one from the second on.
_NOISE: Final = (0.01, 0.03)
_BLOCKS: Final = (1.2, 1.8)


@dataclass(frozen=True, kw_only=True)
class RestoredFace:
    """One face of a photo, as it is reported: where it lies, what the photo shows of it, and whether it was redrawn.

    Attributes:
        corners: corners (x, y) of the FFHQ-aligned square around the head, in px of the input photo, in the order top
            left, bottom left, bottom right, top right as seen by the upright face.
        side: size of the face from brow to chin, in px of the input photo.
        confidence: score of the face detector, in [0, 1].
        evidence: evidence of the face, measured in the input photo.
        restored: whether the face was redrawn by the generator.
        why_not: reason for which the face was not redrawn; None if it was.
        mark: payload of the invisible mark as 8 hex digits, ``"off"`` or ``"too small"``; None if the face was not
            redrawn.
    """

    corners: tuple[tuple[float, float], ...]
    side: float
    confidence: float
    evidence: Evidence
    restored: bool
    why_not: WhyNot | None = None
    mark: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundFace:
    """A face between its detection and its pasting.

    Attributes:
        mesh: face mesh, in px of the photo in which the face was detected.
        region: FFHQ-aligned square around the head, in px of the same photo.
        box: bounding box of the face, in px of the input.
        told: record of the face for the user.
        crop: redrawn face, upright, (1, 3, s, s) in [0, 1]; None until it is redrawn, and for a face that is left.
    """

    mesh: FaceMesh
    region: FaceRegion
    box: Box
    told: RestoredFace
    crop: Tensor | None = None


def find_faces(photo: Tensor, detector: FaceDetector, settings: RestoreSettings, *, growth: float) -> list[FoundFace]:
    """Returns the faces of a photo, largest first, each marked as to be restored or with a reason why not.

    Args:
        photo: (1, 3, H, W) in [0, 1].
        detector: detector from ``FaceDetector.load``.
        settings: settings that choose the faces.
        growth: width of this photo over the width of the input; faces are reported in px of the input.
    """
    # Detect the faces.
    faces = detector.detect(photo)
    if not faces:
        return []
    pixels = to_array(photo)
    found: list[FoundFace] = []
    restored = 0
    for face in faces:
        # Fit the mesh and measure the evidence.
        mesh = detector.mesher.fit(pixels, face)
        try:
            region = ffhq_region(mesh)
            evidence = _evidence(photo, region, growth)
        except ValueError:  # The mesh has collapsed, or lies outside of the photo: there is no face.
            continue
        left, top, right, bottom = (_input_px(place, growth) for place in face.box)
        box = left, top, right, bottom
        # Decide whether the face is to be restored.
        why_not = _why_not(face.side / growth, evidence, region.side)
        if settings.faces:
            why_not = why_not if is_chosen(len(found) + 1, box, settings.faces) else WhyNot.NOT_CHOSEN
        elif why_not is None and restored >= settings.max_faces:
            why_not = WhyNot.TOO_MANY
        restored += why_not is None
        told = _told(face, region, evidence, why_not, growth)
        found.append(FoundFace(mesh=mesh, region=region, box=box, told=told))
    return found


def restore_faces(
    photo: Tensor, found: Sequence[FoundFace], networks: RestoreNetworks, *, fidelity: float, growth: float = 1.0
) -> list[FoundFace]:
    """Returns all faces in their order, those that are to be restored with a redrawn crop.

    A face that the generator cannot fit comes back unrestored, with the reason ``WhyNot.UNKNOWN``.

    Args:
        photo: (1, 3, H, W) in [0, 1], before it is cleaned.
        found: faces from ``find_faces``.
        networks: networks that clean and redraw the faces.
        fidelity: fidelity in [0, 1], see ``RestoreSettings``.
        growth: factor by which the photo is enlarged before the faces are pasted; it decides the size of the crops.
    """
    chosen = [face for face in found if face.told.restored]
    if not chosen:
        return list(found)
    crops = [
        cleaned_crop(partial(face.region.crop, photo), face.told.evidence.effective_resolution, networks.photo)
        for face in chosen
    ]
    drawn = networks.faces(torch.cat(crops), [face.told.evidence.effective_resolution for face in chosen])
    answers = (
        _answered(face, crop, answer, fidelity, growth) for face, crop, answer in zip(chosen, crops, drawn, strict=True)
    )
    return [next(answers) if face.told.restored else face for face in found]


def paste_faces(photo: Tensor, found: Sequence[FoundFace], *, growth: float = 1.0) -> None:
    """Pastes redrawn faces into a restored photo, in place.

    The smallest is pasted last, because the soft border of a large face would cover a small one beside it.

    Args:
        photo: restored photo (1, 3, H, W) in [0, 1]; it is changed.
        found: faces, largest first; those without a crop are not pasted.
        growth: width of the photo over the width of the one in which the faces were found.
    """
    for face in found:
        if face.crop is None:
            continue
        patch = paste_face(photo, face.crop, face.region.scaled(growth), face.mesh.scaled(growth), DRAWN)
        photo[(..., *patch.window)] = patch.pixels.clamp_(0, 1)


def keep_faces(image: Tensor, photo: Tensor, found: Sequence[FoundFace]) -> None:
    """Blends the original pixels of faces that were not redrawn into a cleaned image, in place.

    Cleaning blurs the eyes of small faces. A noisy or blocky face looks better cleaned, however, so the share of
    original pixels falls linearly with its noise and its blocks.

    Args:
        image: cleaned photo (1, 3, H, W) in [0, 1]; it is changed.
        photo: photo before cleaning, of the same size.
        found: faces; those with a crop are passed over.
    """
    for face in found:
        if face.crop is not None:
            continue
        evidence = face.told.evidence
        share = _falling(evidence.noise, *_NOISE) * _falling(evidence.blocks, *_BLOCKS)
        size = min(max(round(face.region.side), 32), CROP_SIZE)
        weight = band_weights(face.mesh, face.region, size, reach=_KEPT_REACH, deviations=[size * _KEPT_FEATHER])[0]
        patch = face.region.place(torch.from_numpy(weight)[None, None], (image.shape[2], image.shape[3]))
        window = (..., *patch.window)
        image[window] += share * patch.pixels * (photo[window] - image[window])


def _evidence(photo: Tensor, region: FaceRegion, growth: float) -> Evidence:
    pixels = max(round(region.side / growth), LEAST_FACE)
    size = min(pixels // 2 * 2, CROP_SIZE)
    low, high = region.corners.min(axis=0), region.corners.max(axis=0)
    left, top = np.maximum(low, 0).astype(int).tolist()
    right, bottom = np.ceil(high).astype(int).tolist()
    # Enlarging moves the edges of JPEG blocks off the grid of 8 px, so they cannot be measured any more.
    blocks = blockiness(photo, (slice(top, bottom), slice(left, right))) if growth == 1 else 1.0
    return measure_evidence(region.crop(photo, size).clamp(0, 1), pixels=pixels, blocks=blocks)


def _told(face: Face, region: FaceRegion, evidence: Evidence, why_not: WhyNot | None, growth: float) -> RestoredFace:
    corners = [[round(_input_px(place, growth), 1) for place in corner] for corner in region.corners.tolist()]
    return RestoredFace(
        corners=tuple((x, y) for x, y in corners),
        side=round(face.side / growth, 1),
        confidence=round(face.score, 3),
        evidence=evidence,
        restored=why_not is None,
        why_not=why_not,
    )


def _why_not(side: float, evidence: Evidence, large_side: float) -> WhyNot | None:
    if side < LEAST_FACE:
        return WhyNot.TOO_SMALL
    if evidence.fills(large_side):
        return WhyNot.SHARP
    return None


def _answered(face: FoundFace, crop: Tensor, drawn: DrawnFace, fidelity: float, growth: float) -> FoundFace:
    """Returns the face with the redrawn crop, blended with the cleaned crop in frequency bands.

    Coarse bands come from the photo and fine ones from the generator. A face with a large misfit stays unrestored.
    """
    size = CROP_SIZE if face.region.side * growth <= CROP_SIZE else 2 * CROP_SIZE
    image = at_size(drawn, size)
    clean = resized(crop, *image.shape[2:]).clamp(0, 1)
    if drawn.misfit > _MOST_MISFIT:
        told = replace(face.told, restored=False, why_not=WhyNot.UNKNOWN)
        return replace(face, told=told)
    resolution = face.told.evidence.effective_resolution
    image = tinted_like(image, clean)
    trust = where_alike(image, clean, min(resolution, 48.0)) * _strength(fidelity)
    image = with_photo_bands(image, clean, resolution * _photo_share(fidelity))
    return replace(face, crop=clean + trust * (image - clean))


def _photo_share(fidelity: float) -> float:
    """Returns the share of the effective resolution up to which bands are the photo's.

    It is 0.3 at a fidelity of 0, 0.55 at 0.5 and 1 at 1.
    """
    return 0.3 + 0.3 * fidelity + 0.4 * fidelity**2


def _strength(fidelity: float) -> float:
    """Returns the weight of the generator's detail: 1 up to a fidelity of 0.5, then falling linearly to 0.8 at 1."""
    return 1 - 0.4 * max(fidelity - 0.5, 0.0)


def _falling(value: float, first: float, last: float) -> float:
    """Returns 1 up to ``first`` and 0 from ``last`` on, falling linearly in between."""
    return min(max((last - value) / (last - first), 0.0), 1.0)


def _input_px(place: float, growth: float) -> float:
    """Converts a coordinate in the enlarged photo to one in the input."""
    return (place + 0.5) / growth - 0.5
