"""Blends a redrawn face into the restored photo without a seam, a colour step or doubled edges."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from photopulse.faces.blazeface import Pixels
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion, Patch
from photopulse.images.arrays import to_array, to_tensor
from photopulse.images.smooth import smoothed
from photopulse.restoration.face_mask import Plane, band_weights

# Standard deviation in px of the face of the finest Gaussian; the finest band is what this Gaussian removes.
FINEST = 1.5


@dataclass(frozen=True, kw_only=True)
class PasteSettings:
    """The settings of the blending; ValueError if one is out of range.

    Attributes:
        reach: distance by which the outline of the mesh is widened, over the longer side of the face; at least 0.
        feather: softness of the mask: deviation of the Gaussian that softens it in a band over the deviation of the
            band's own Gaussian; above 0.
        colour: deviation of the coarsest Gaussian, over the crop's side, above 0 and at most 0.5; coarser light and
            colours are the photo's.
        detail: share, in [0, 1], of the photo's detail that is kept where it is finer than the face's pixels.
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
        photo: restored photo (1, 3, H, W); it is not changed.
        face: redrawn face (1, 3, size, size), aligned with the crop of ``region``.
        region: region of the photo that the face replaces.
        mesh: mesh of the face in the photo, whose outline bounds the mask.
        settings: settings of the blending; the defaults if None.

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
    # Weight the difference from the photo band by band, and place it in the photo.
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
    """Returns the deviations of the Gaussians between the bands, in px of the face, finest first, each doubled."""
    coarsest = size * colour
    count = max(round(np.log2(coarsest / FINEST)), 0) + 1
    return [coarsest / 2**level for level in reversed(range(count))]


def _weighted_bands(pixels: Pixels, scales: list[float], weights: list[Plane]) -> Pixels:
    """Returns the sum of the weighted bands of pixels (H, W, 3), without what is coarser than the last scale."""
    finer, total = pixels, np.zeros_like(pixels)
    for scale, weight in zip(scales, weights, strict=True):
        coarser = smoothed(pixels, scale)
        total += (finer - coarser) * weight[..., None]
        finer = coarser
    return total


def _without_shift(change: Pixels, weights: list[Plane]) -> Pixels:
    """Returns the change without its weighted mean colour over the face, which is subtracted evenly."""
    face, widest = weights[0][..., None], weights[-1][..., None]
    share = float((face * widest).sum())
    return change - widest * ((change * face).sum(axis=(0, 1)) / share) if share > 0 else change
