"""Computes the soft masks by which a redrawn face is blended into the photo, and the line where the face ends."""

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

# Distances from the crop's border, over its side: up to RIM the weight is 0, from FULL on it is not reduced.
RIM = 0.02
FULL = 0.12
# OpenCV fills up to half a pixel too much, so polygons are drawn at this multiple of the size.
FINE = 4


def paste_border(mesh: FaceMesh, region: FaceRegion, *, reach: float) -> Points:
    """Returns the line along which a pasted face and the photo have equal weights, where a seam would be visible.

    Args:
        mesh: mesh of the face in the photo.
        region: region of the crop; the line stays within it.
        reach: distance by which the outline of the mesh is widened, over the longer side of the face.

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
    """Returns one soft mask of the face for each frequency band: 1 on the face, 0 around it.

    The mask is the inside of the face's outline, widened by ``reach`` and softened by a Gaussian. It also fades to 0
    towards the crop's border, over the same length for all bands.

    Args:
        mesh: mesh of the face in the photo, which reaches from the hairline to the chin, without ears and hair.
        region: region of the crop.
        size: height and width of the crop in px.
        reach: widening of the outline, see ``paste_border``; 0 takes the outline of the mesh itself.
        deviations: standard deviations of the Gaussians in px of the crop, one for each band.

    Returns:
        Weights (size, size) from 0 to 1, one for each deviation.
    """
    corners = region.to_crop(_widened_hull(mesh, reach), size * FINE).round().astype(np.int32)
    fine = cv2.fillPoly(np.zeros((size * FINE, size * FINE), np.float32), [corners], (1.0,))
    inside = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    window = _window(size)
    return [smoothed(cast(Plane, inside), width) * window for width in deviations]


def _widened_hull(mesh: FaceMesh, reach: float) -> Points:
    """Returns the convex hull of disks around all points of the mesh, as corners (N, 2) in px of the photo."""
    points = mesh.points[:, :2]
    _, sides, _ = cv2.minAreaRect(points.astype(np.float32))
    turns = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    disk = np.stack([np.cos(turns), np.sin(turns)], axis=1) * (reach * max(sides))
    around = (points[:, None] + disk).reshape(-1, 2)
    return cv2.convexHull(around.astype(np.float32))[:, 0].astype(np.float64)


def _window(size: int) -> Plane:
    """Returns weights (size, size) that rise smoothly from 0 at the border to 1 inside."""
    place = (np.arange(size) + 0.5) / size
    height = np.clip((np.minimum(place, 1 - place) - RIM) / (FULL - RIM), 0, 1)
    rise = (height * height * (3 - 2 * height)).astype(np.float32)
    return rise[:, None] * rise[None, :]
