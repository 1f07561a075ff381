"""Putting a restored face back into the restored photo: no seam, no colour step, no doubled edges."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from photopulse.faces.blazeface import Pixels
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion, Patch
from photopulse.images.arrays import to_array, to_tensor
from photopulse.images.smooth import smoothed
from photopulse.restoration.face_mask import Plane, band_weights

# Deviation of the finest Gaussian in px of the face: what it takes away is the finest band.
FINEST = 1.5


@dataclass(frozen=True, kw_only=True)
class PasteSettings:
    """Which of the two pictures gives what.

    Attributes:
        reach: how far beyond the outline of the mesh the restored face counts, over the longer side of the face.
        feather: how softly it fades there: deviation of a band's edge over the deviation of the band's own Gaussian.
        colour: from this deviation of a Gaussian on, over the crop's side, light and colours are the photo's.
        detail: how much of the photo's detail that is finer than the face's pixels is kept, 0 to 1.
    """

    reach: float = 0.25
    feather: float = 2.0
    colour: float = 0.1
    detail: float = 1.0

    def __post_init__(self) -> None:
        if self.reach < 0:
            raise ValueError(f"reach must not be negative, got {self.reach}")
        if self.feather <= 0:
            raise ValueError(f"feather must be positive, got {self.feather}")
        if not 0 < self.colour <= 0.5:
            raise ValueError(f"colour must be above 0 and at most 0.5, got {self.colour}")
        if not 0 <= self.detail <= 1:
            raise ValueError(f"detail must be from 0 to 1, got {self.detail}")


def paste_face(
    photo: Tensor, face: Tensor, region: FaceRegion, mesh: FaceMesh, settings: PasteSettings | None = None
) -> Patch:
    """Blends a restored face into the restored photo band by band (Burt & Adelson 1983).

    Only the *difference* between the face and the photo's own crop is brought to the photo. So everything finer than
    the face's pixels stays the photo's, and the photo is never resampled. The difference is split into bands of
    detail. The coarsest, colours and light, is left out. Each other band fades out over a length of its own scale:
    a fine edge that lies elsewhere in the two pictures is taken from one or the other, never seen twice, and a coarse
    one changes over gradually.

    Args:
        photo: (1, 3, H, W), restored; stays as it is.
        face: (1, 3, size, size), what became of the crop of ``region``.
        region: where the face is.
        mesh: of the face in the photo; its outline says what belongs to the face.
        settings: the defaults if None.

    Returns:
        The new pixels of the region's bounding box, dtype and device of the photo, not clamped. The caller writes them:
        ``photo[(..., *patch.window)] = patch.pixels``. It takes memory for the bounding box once, or four times where
        ``detail`` is below 1.

    Raises:
        ValueError: if the face is no square image, or the region lies outside of the photo.
    """
    settings = settings or PasteSettings()
    size = face.shape[-1]
    if tuple(face.shape) != (1, 3, size, size):
        raise ValueError(f"the face must be (1, 3, size, size), got {tuple(face.shape)}")
    seen = region.crop(photo, size)
    scales = _scales(size, settings.colour)
    softness = [scale * settings.feather for scale in scales]
    weights = band_weights(mesh, region, size, reach=settings.reach, deviations=softness)
    change = _weighted_bands(to_array(face.to(seen) - seen), scales, weights)
    change = _without_shift(change, weights)
    shape = (photo.shape[2], photo.shape[3])
    patch = region.place(to_tensor(change).to(photo), shape)
    before = photo[(..., *patch.window)]
    patch.pixels.add_(before)
    if settings.detail < 1 and region.side > size:
        finest = before - region.place(seen, shape).pixels
        weight = region.place(to_tensor(weights[0][..., None]).to(photo), shape).pixels
        patch.pixels.sub_(finest.mul_(weight).mul_(1 - settings.detail))
    return patch


def _scales(size: int, colour: float) -> list[float]:
    """Deviations of the Gaussians between the bands in px of the face, finest first, doubling up to the colours'."""
    coarsest = size * colour
    count = max(round(np.log2(coarsest / FINEST)), 0) + 1
    return [coarsest / 2**level for level in reversed(range(count))]


def _weighted_bands(pixels: Pixels, scales: list[float], weights: list[Plane]) -> Pixels:
    """Adds up the weighted bands of pixels (H, W, 3); what is coarser than the last scale is dropped."""
    finer, total = pixels, np.zeros_like(pixels)
    for scale, weight in zip(scales, weights, strict=True):
        coarser = smoothed(pixels, scale)
        total += (finer - coarser) * weight[..., None]
        finer = coarser
    return total


def _without_shift(change: Pixels, weights: list[Plane]) -> Pixels:
    """Spreads the little that is left of a mean change of colour evenly, so that it vanishes over the face."""
    face, widest = weights[0][..., None], weights[-1][..., None]
    share = float((face * widest).sum())
    return change - widest * ((change * face).sum(axis=(0, 1)) / share) if share > 0 else change
