"""Where a restored face counts: one soft weight for each band of detail, and the line where it ends."""

import math
from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion
from photopulse.images.smooth import smoothed

Points = npt.NDArray[np.float64]
Plane = npt.NDArray[np.float32]

# Fractions of the crop's side: nothing counts nearer to the crop's border than RIM, all of it from FULL on.
RIM = 0.02
FULL = 0.12
# OpenCV fills up to half a pixel too much, so it fills this many times larger.
FINE = 4


def paste_border(mesh: FaceMesh, region: FaceRegion, *, reach: float) -> Points:
    """Draws the line along which a pasted face and the photo count half each, where a seam would be seen.

    Args:
        mesh: of the face in the photo.
        region: of the crop; the line stays within it.
        reach: how far beyond the outline of the mesh the face counts, over the longer side of the face.

    Returns:
        Corners (N, 2) of a convex polygon in px of the photo.
    """
    inset = (RIM + FULL) / 2
    square = region.centre + (region.corners - region.centre) * (1 - 2 * inset)
    outline = _widened_hull(mesh, reach)
    _, corners = cv2.intersectConvexConvex(outline.astype(np.float32), square.astype(np.float32))
    return corners[:, 0].astype(np.float64)


def band_weights(
    mesh: FaceMesh, region: FaceRegion, size: int, *, reach: float, deviations: Sequence[float]
) -> list[Plane]:
    """Says how much each pixel of a crop counts, once for each band of detail: 1 on the face, 0 around it.

    Inside of the face's outline, which is widened by ``reach``, softened by a Gaussian; fades to 0 close to the
    crop's border too, at the same length for all bands.

    Args:
        mesh: of the face in the photo. It reaches from the hairline to the chin and holds no ears and hair.
        region: of the crop.
        size: height and width of the crop in px.
        reach: see ``paste_border``; 0 is the mesh itself.
        deviations: of the Gaussians in px of the crop, one for each band.

    Returns:
        Weights (size, size) from 0 to 1, one for each deviation.
    """
    corners = region.to_crop(_widened_hull(mesh, reach), size * FINE).round().astype(np.int32)
    fine = cv2.fillPoly(np.zeros((size * FINE, size * FINE), np.float32), [corners], (1.0,))
    inside = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    window = _window(size)
    return [smoothed(cast(Plane, inside), width) * window for width in deviations]


def _widened_hull(mesh: FaceMesh, reach: float) -> Points:
    """The convex hull of disks around all points; corners (N, 2) in px of the photo."""
    points = mesh.points[:, :2]
    _, sides, _ = cv2.minAreaRect(points.astype(np.float32))
    turns = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    disk = np.stack([np.cos(turns), np.sin(turns)], axis=1) * (reach * max(sides))
    around = (points[:, None] + disk).reshape(-1, 2)
    return cv2.convexHull(around.astype(np.float32))[:, 0].astype(np.float64)


def _window(size: int) -> Plane:
    """Rises smoothly from 0 at the border to 1 inside."""
    place = (np.arange(size) + 0.5) / size
    height = np.clip((np.minimum(place, 1 - place) - RIM) / (FULL - RIM), 0, 1)
    rise = (height * height * (3 - 2 * height)).astype(np.float32)
    return rise[:, None] * rise[None, :]
