"""Finding the faces of a photo, restoring each upright, and putting them back.

Points are (x, y) in pixels, counted from the centre of the top left pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from photopulse.faces.blazeface import Face
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion, ffhq_region
from photopulse.images.arrays import to_array
from photopulse.images.resize import resized
from photopulse.restoration.choice import Box, is_chosen
from photopulse.restoration.evidence import Evidence, blockiness, measure_evidence
from photopulse.restoration.face_bands import tinted_like, where_alike, with_photo_bands
from photopulse.restoration.face_mask import band_weights
from photopulse.restoration.face_search import CROP_SIZE, DrawnFace, at_size
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.paste import PasteSettings, paste_face
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.why_not import LEAST_FACE, WhyNot

_CLEANED_SIZES: Final = (64, 96, 128, 192, 256, 384)
_ROOM: Final = 3.2  # Over the effective resolution: less costs likeness, more lets enlarged noise through.
_MOST_MISFIT: Final = 1.0  # Faces that the generator knows less well are left as they are.
_DRAWN: Final = PasteSettings(reach=0.45)  # Hair and ears are restored, too.
_KEPT_REACH, _KEPT_FEATHER = 0.25, 0.04  # Of faces that are left, over the face's and the square's side.
# A face that is left is the input's up to the first amount of noise or blocks, and the cleaned one from the second on.
_NOISE: Final = (0.01, 0.03)
_BLOCKS: Final = (1.2, 1.8)


@dataclass(frozen=True, kw_only=True)
class RestoredFace:
    """What became of a face.

    Attributes:
        corners: of the square around the head, upright in itself, in px of the input photo: top left, bottom left,
            bottom right, top right.
        side: of the face from brow to chin, in px of the input photo.
        confidence: how sure the detector is that it is a face, 0 to 1.
        evidence: what the input photo shows of it.
        restored: whether the generator drew it anew.
        why_not: why it was left, if so.
    """

    corners: tuple[tuple[float, float], ...]
    side: float
    confidence: float
    evidence: Evidence
    restored: bool
    why_not: WhyNot | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundFace:
    """A face of a photo.

    Attributes:
        mesh: in px of the photo.
        region: likewise.
        box: in px of the input.
        told: what the user hears.
        crop: the face drawn anew, upright, (1, 3, s, s); None before that, and where it is left.
    """

    mesh: FaceMesh
    region: FaceRegion
    box: Box
    told: RestoredFace
    crop: Tensor | None = None


def find_faces(photo: Tensor, detector: FaceDetector, settings: RestoreSettings, *, growth: float) -> list[FoundFace]:
    """Finds the faces of a photo (1, 3, H, W) in [0, 1], largest first, and says which are to be restored.

    Args:
        photo: where to look.
        detector: from ``FaceDetector.load``.
        settings: which faces are wanted.
        growth: width of this photo over the width of the input, in whose px the user hears of the faces.
    """
    faces = detector.detect(photo)
    if not faces:
        return []
    pixels = to_array(photo)
    found: list[FoundFace] = []
    restored = 0
    for face in faces:
        mesh = detector.mesher.fit(pixels, face)
        try:
            region = ffhq_region(mesh)
            evidence = _evidence(photo, region, growth)
        except ValueError:  # The mesh has collapsed, or lies outside of the photo: there is no face.
            continue
        left, top, right, bottom = (_input_px(place, growth) for place in face.box)
        box = left, top, right, bottom
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
    """Draws those faces of a photo (1, 3, H, W) anew that are to be restored, and returns all, in their order.

    Args:
        photo: as it is, not cleaned.
        found: the faces.
        networks: that draw them.
        fidelity: see ``RestoreSettings``.
        growth: of the photo before the faces are pasted: larger faces are drawn in more px.
    """
    chosen = [face for face in found if face.told.restored]
    if not chosen:
        return list(found)
    crops = [_cleaned_crop(photo, face, networks) for face in chosen]
    drawn = networks.faces(torch.cat(crops), [face.told.evidence.effective_resolution for face in chosen])
    answers = (
        _answered(face, crop, answer, fidelity, growth) for face, crop, answer in zip(chosen, crops, drawn, strict=True)
    )
    return [next(answers) if face.told.restored else face for face in found]


def paste_faces(photo: Tensor, found: Sequence[FoundFace], *, growth: float = 1.0) -> None:
    """Writes restored faces, given largest first, into a restored photo (1, 3, H, W) in place.

    The smallest comes last: the soft border of a large face would cover a small one beside it.

    Args:
        photo: the restored photo.
        found: the faces; those that were left are not pasted.
        growth: width of the photo over the width of the one in which the faces were found.
    """
    for face in found:
        if face.crop is None:
            continue
        patch = paste_face(photo, face.crop, face.region.scaled(growth), face.mesh.scaled(growth), _DRAWN)
        photo[(..., *patch.window)] = patch.pixels.clamp_(0, 1)


def keep_faces(image: Tensor, photo: Tensor, found: Sequence[FoundFace]) -> None:
    """Gives faces that were left back to a cleaned image (1, 3, H, W) in place, as the photo showed them.

    Cleaning costs small faces their eyes. Where a face is noisy or blocky, though, it is better cleaned: it comes back
    in proportion.
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
    # A photo that grew has lost its blocks' grid.
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


def _cleaned_crop(photo: Tensor, face: FoundFace, networks: RestoreNetworks) -> Tensor:
    """Cleans a face in some three times the pixels that it shows: enlarged noise and blocks are too large to remove."""
    wanted = _ROOM * face.told.evidence.effective_resolution
    size = next((size for size in _CLEANED_SIZES if size >= wanted), CROP_SIZE)
    clean = networks.photo(face.region.crop(photo, size).clamp(0, 1))
    return resized(clean, CROP_SIZE, CROP_SIZE).clamp(0, 1)


def _answered(face: FoundFace, crop: Tensor, drawn: DrawnFace, fidelity: float, growth: float) -> FoundFace:
    """Chooses between what was drawn and what the photo shows, band by band."""
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
    """Up to which part of its effective resolution a face's bands are the photo's: 0.3 at 0, 0.55 at 0.5, all at 1."""
    return 0.3 + 0.3 * fidelity + 0.4 * fidelity**2


def _strength(fidelity: float) -> float:
    """How much of the generator's detail is used: all of it up to the middle, half of it at last."""
    return 1 - max(fidelity - 0.5, 0.0)


def _falling(value: float, first: float, last: float) -> float:
    """1 up to ``first``, 0 from ``last`` on, a line between."""
    return min(max((last - value) / (last - first), 0.0), 1.0)


def _input_px(place: float, growth: float) -> float:
    """Takes a pixel's place back to the photo as it was before it grew."""
    return (place + 0.5) / growth - 0.5
