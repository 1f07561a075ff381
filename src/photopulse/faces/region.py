"""The upright square of a photo in which a face is restored: its crop, and how a crop is put back.

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel, in the photo and in the crop.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import cv2
import numpy as np
from torch import Tensor

from photopulse.faces.align import ffhq_quad
from photopulse.faces.blazeface import Points
from photopulse.faces.mesh import FaceMesh, ffhq_landmarks
from photopulse.faces.resampling import bounds, read_affine

# A rectangle may have this much more area than the smallest one if its direction is nearer to the face's.
AREA_TOLERANCE = 0.1


class Patch(NamedTuple):
    """A rectangle of pixels and its place in a photo.

    Attributes:
        pixels: (1, C, h, w).
        top: row of the photo where it begins.
        left: column of the photo where it begins.
    """

    pixels: Tensor
    top: int
    left: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the photo: ``photo[..., *patch.window]``."""
        height, width = self.pixels.shape[2:]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


@dataclass(frozen=True, kw_only=True)
class FaceRegion:
    """A square of a photo, turned so that the face in it is upright.

    Attributes:
        centre: x, y of the square's centre in px of the photo.
        side: length of its sides in px of the photo; the square may reach beyond the photo.
        angle: roll of the face in degrees, in (-180, 180]: the angle from the photo's x axis to the crop's, positive
            where the head leans to the viewer's right.
    """

    centre: tuple[float, float]
    side: float
    angle: float

    @property
    def corners(self) -> Points:
        """Top left, bottom left, bottom right and top right corner of the upright crop, (4, 2) in px of the photo."""
        return self.to_photo(np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)]), 1)

    def scaled(self, factor: float) -> "FaceRegion":
        """Returns the same square in a photo that is ``factor`` times as large."""
        x, y = ((place + 0.5) * factor - 0.5 for place in self.centre)
        return FaceRegion(centre=(x, y), side=self.side * factor, angle=self.angle)

    def matrix(self, size: int) -> Points:
        """Builds the affine map (2, 3) from pixels of a crop of ``size`` x ``size`` to pixels of the photo."""
        axes = _axes(math.radians(self.angle)) * (self.side / size)
        middle = np.full(2, (size - 1) / 2)
        return np.concatenate([axes, (np.array(self.centre) - axes @ middle)[:, None]], axis=1)

    def to_photo(self, points: Points, size: int) -> Points:
        """Maps points (N, 2) of a crop of ``size`` x ``size`` to the photo; the inverse of ``to_crop``."""
        matrix = self.matrix(size)
        return points @ matrix[:, :2].T + matrix[:, 2]

    def to_crop(self, points: Points, size: int) -> Points:
        """Maps points (N, 2) of the photo to a crop of ``size`` x ``size``; the inverse of ``to_photo``."""
        inverse = _inverse(self.matrix(size))
        return points @ inverse[:, :2].T + inverse[:, 2]

    def crop(self, photo: Tensor, size: int) -> Tensor:
        """Reads the square out of a photo (1, C, H, W), antialiased where it becomes smaller, cubic where larger.

        The photo is mirrored at its edges.

        Returns:
            (1, C, size, size) with the dtype, device and range of the photo; the cubic filter may overshoot a little.

        Raises:
            ValueError: if the square is downscaled by 4 or more and lies outside the photo.
        """
        return read_affine(photo, self.matrix(size), (size, size), beyond="reflection")

    def place(self, crop: Tensor, photo_shape: tuple[int, int]) -> Patch:
        """Resamples a crop (1, C, size, size) to the pixels of a photo of (height, width); the inverse of ``crop``.

        Antialiased where the region has fewer pixels than the crop, cubic where it has more. It needs memory for the
        region's bounding box, not for the photo.

        Returns:
            The part of the region's bounding box that lies in the photo; its pixels outside the region are 0.

        Raises:
            ValueError: if the region lies outside the photo.
        """
        # The region's bounding box, within the photo.
        size = crop.shape[-1]
        low, high = bounds(self.matrix(size), (size, size))
        left, top = np.maximum(np.ceil(low).astype(int), 0).tolist()
        right, bottom = np.minimum(np.floor(high).astype(int) + 1, (photo_shape[1], photo_shape[0])).tolist()
        if left >= right or top >= bottom:
            raise ValueError("the square lies outside of the photo")
        # The map from the bounding box to the crop.
        to_crop = _inverse(self.matrix(size))
        to_crop[:, 2] += to_crop[:, :2] @ (left, top)
        return Patch(read_affine(crop, to_crop, (bottom - top, right - left), beyond="zeros"), top, left)


def face_region(mesh: FaceMesh, *, expand: float = 1.6, lift: float = 0.15) -> FaceRegion:
    """Returns an upright square around a face: the minimum-area rotated rectangle of its mesh, made square, expanded.

    If a face is about as wide as high, many rectangles have nearly the least area, and noise decides which is the
    smallest. So of all rectangles with at most ``AREA_TOLERANCE`` more than the least area, the one whose angle is
    nearest to the roll of the face is taken. The roll is that of the FFHQ alignment (``ffhq_quad``); it also decides
    which side is up.

    Args:
        mesh: the mesh of a face in any orientation, in px of the photo.
        expand: side of the square over the rectangle's longer side.
        lift: shift of the square upwards, over the rectangle's longer side, because the mesh covers the chin but not
            the hair. With both defaults the square holds chin, ears and all but the tallest hair of the 14 portraits
            on which they were measured.

    Raises:
        ValueError: if the mesh has no extent or no roll.
    """
    # The angle nearest to the face's roll at which the bounding rectangle is small enough.
    points = mesh.points[:, :2]
    roll = _roll(mesh)
    turns = [roll + math.radians(degrees) for degrees in sorted(range(-45, 46), key=abs)]
    _, smallest, _ = cv2.minAreaRect(points.astype(np.float32))
    limit = smallest[0] * smallest[1] * (1 + AREA_TOLERANCE)
    angle = next((turn for turn in turns if _area(points, turn) <= limit), roll)
    # The square around that rectangle.
    low, high = _extent(points, angle)
    longer = float((high - low).max())
    if not (longer > 0 and math.isfinite(longer)):
        raise ValueError("the mesh has no extent")
    centre = _axes(angle) @ ((low + high) / 2 - (0, lift * longer))
    return FaceRegion(
        centre=cast(tuple[float, float], tuple(centre.tolist())),
        side=longer * expand,
        angle=math.degrees(math.atan2(math.sin(angle), math.cos(angle))),
    )


def ffhq_region(mesh: FaceMesh) -> FaceRegion:
    """Returns the square of the FFHQ alignment, in which a generator trained on FFHQ draws its faces.

    Raises:
        ValueError: if the landmarks of the mesh span no square.
    """
    top_left, bottom_left, bottom_right, top_right = ffhq_quad(*ffhq_landmarks(mesh))
    x = top_right - top_left
    if not np.isfinite([*top_left, *bottom_right]).all():
        raise ValueError("the mesh has no extent")
    return FaceRegion(
        centre=cast(tuple[float, float], tuple(((top_left + bottom_right) / 2).tolist())),
        side=float(np.hypot(*(bottom_left - top_left))),
        angle=math.degrees(math.atan2(x[1], x[0])),
    )


def _roll(mesh: FaceMesh) -> float:
    """Returns the roll of the face in radians, by the rule of the FFHQ alignment."""
    eye_left, eye_right, mouth_left, mouth_right = ffhq_landmarks(mesh)
    to_mouth = (mouth_left + mouth_right - eye_left - eye_right) / 2
    x = eye_right - eye_left + (to_mouth[1], -to_mouth[0])
    if not np.hypot(*x) > 0:
        raise ValueError("the landmarks have no roll: the eyes coincide or the face is upside down in itself")
    return math.atan2(x[1], x[0])


def _axes(angle: float) -> Points:
    """The crop's x and y axis in the photo, as columns."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _extent(points: Points, angle: float) -> tuple[Points, Points]:
    """Returns the least and the greatest coordinates of points in axes that are turned by an angle in radians."""
    turned = points @ _axes(angle)
    return turned.min(axis=0), turned.max(axis=0)


def _area(points: Points, angle: float) -> float:
    low, high = _extent(points, angle)
    return float(np.prod(high - low))


def _inverse(matrix: Points) -> Points:
    return cast(Points, cv2.invertAffineTransform(matrix))
