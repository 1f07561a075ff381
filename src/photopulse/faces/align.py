"""The FFHQ alignment: a square around a face, its upright crop, and the maps between photo and crop.

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel, in the photo and in the crop.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from photopulse.faces.blazeface import Face
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import FaceMesh, ffhq_landmarks
from photopulse.images.arrays import to_array

Points = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.float32]


def ffhq_quad(eye_left: Points, eye_right: Points, mouth_left: Points, mouth_right: Points) -> Points:
    """Computes the corners of the FFHQ square: top left, bottom left, bottom right, top right.

    Left and right are the viewer's. The square's direction is the mean of the eye line and of the perpendicular to the
    line from the eyes to the mouth; its size follows from the longer of the two (Karras et al. 2018, appendix C).

    Args:
        eye_left: centre of the eye on the left of the picture (2,), in px.
        eye_right: centre of the other eye.
        mouth_left: corner of the mouth on the left of the picture (2,), in px.
        mouth_right: the other corner of the mouth.

    Returns:
        Corners (4, 2) in px; they may lie outside the photo.

    Raises:
        ValueError: if the points span no square, e.g. because the eyes coincide.
    """
    # The direction of the square and its half side, by FFHQ's rule.
    eyes = (eye_left + eye_right) / 2
    eye_to_eye = eye_right - eye_left
    eye_to_mouth = (mouth_left + mouth_right) / 2 - eyes
    x = eye_to_eye - _quarter_turn(eye_to_mouth)
    length = np.hypot(*x)
    size = max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
    if not (np.hypot(*eye_to_eye) > 0 and length > 0 and math.isfinite(size)):
        raise ValueError("the landmarks span no square: the eyes coincide or the face is upside down in itself")
    # The corners, around a centre that lies a tenth of the way from the eyes to the mouth.
    x = x / length * size
    y = _quarter_turn(x)
    centre = eyes + eye_to_mouth * 0.1
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def _quarter_turn(vector: Points) -> Points:
    """Turns (x, y) by 90 degrees, clockwise on the screen, where y points down."""
    return np.array([-vector[1], vector[0]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """A square of a photo, and the map between it and its upright crop of ``size`` x ``size`` pixels.

    Attributes:
        quad: corners (4, 2) of the square in px of the photo: top left, bottom left, bottom right, top right.
        size: height and width of the crop in pixels.
        padding: whether the photo is continued beyond its edges by a blurred mirror image, as in FFHQ; otherwise the
            crop is black there.
    """

    quad: Points
    size: int = 1024
    padding: bool = True

    @cached_property
    def crop_to_photo(self) -> Points:
        """The affine matrix (2, 3) that maps points of the crop to points of the photo."""
        top_left, bottom_left, _, top_right = self.quad
        axes = np.stack([top_right - top_left, bottom_left - top_left], axis=1) / self.size
        return np.concatenate([axes, (top_left + axes @ (0.5, 0.5))[:, None]], axis=1)

    def to_photo(self, points: Points) -> Points:
        """Maps points (N, 2) of the crop to the photo; the inverse of ``to_crop``."""
        return points @ self.crop_to_photo[:, :2].T + self.crop_to_photo[:, 2]

    def to_crop(self, points: Points) -> Points:
        """Maps points (N, 2) of the photo to the crop; the inverse of ``to_photo``."""
        return (points - self.crop_to_photo[:, 2]) @ np.linalg.inv(self.crop_to_photo[:, :2]).T

    def crop(self, photo: Tensor) -> Tensor:
        """Cuts the square out of a photo (1, 3, H, W), in any value range.

        Follows the recipe of the FFHQ data set (cut, shrink, pad, resample), but in floating point.

        Returns:
            (1, 3, size, size), with the dtype and device of the photo.

        Raises:
            ValueError: if the square lies outside the photo.
        """
        pixels = crop_pixels(to_array(photo), self.crop_to_photo, self.size, padding=self.padding)
        return torch.from_numpy(pixels).permute(2, 0, 1)[None].to(photo)


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedFace:
    """A face of a photo, aligned.

    Attributes:
        face: as the detector found it.
        mesh: its face mesh, in px of the photo.
        alignment: its FFHQ square.
        image: its crop (1, 3, size, size).
    """

    face: Face
    mesh: FaceMesh
    alignment: Alignment
    image: Tensor


def align_faces(photo: Tensor, detector: FaceDetector, *, size: int = 1024, padding: bool = True) -> list[AlignedFace]:
    """Finds all faces of a photo (1, 3, H, W) in [0, 1] and aligns each as FFHQ does.

    Args:
        photo: RGB.
        detector: finds the faces and fits their meshes.
        size: side of the crops in px.
        padding: see ``Alignment``.

    Returns:
        The largest face first; an empty list for a photo without a face.
    """
    aligned: list[AlignedFace] = []
    for face in detector.detect(photo):
        mesh = detector.mesher.face_mesh(photo, face)
        alignment = Alignment(quad=ffhq_quad(*ffhq_landmarks(mesh)), size=size, padding=padding)
        aligned.append(AlignedFace(face=face, mesh=mesh, alignment=alignment, image=alignment.crop(photo)))
    return aligned


def crop_pixels(pixels: Pixels, crop_to_photo: Points, size: int, *, padding: bool) -> Pixels:
    """Resamples the square that ``crop_to_photo`` (2, 3) spans in pixels (H, W, 3) to (size, size, 3).

    Raises:
        ValueError: if the square lies outside the photo.
    """
    # The bounding box of the square, with a border for the filters.
    side = float(np.hypot(*crop_to_photo[:, 0])) * size
    border = max(round(side * 0.1), 3)
    corner = size - 0.5
    square = _transform(np.array([(-0.5, -0.5), (-0.5, corner), (corner, corner), (corner, -0.5)]), crop_to_photo)
    low, high = np.floor(square.min(axis=0)).astype(int), np.ceil(square.max(axis=0)).astype(int)
    limits = np.array([pixels.shape[1], pixels.shape[0]])
    start, stop = np.maximum(low - border, 0), np.minimum(high + border, limits)
    if (start >= stop).any():
        raise ValueError("the square lies outside of the photo")
    # Cut the bounding box out; the map then leads to the piece.
    missing = np.maximum(np.concatenate([border - low, high + border - limits]), 0)
    piece = pixels[start[1] : stop[1], start[0] : stop[0]]
    to_piece = crop_to_photo.copy()
    to_piece[:, 2] -= start
    # Pad what reaches beyond the photo. FFHQ pads from border - 4 px on; for small faces that number is negative, and
    # padding would blur the edges of faces that lie inside the photo.
    if padding and missing.max() > max(border - 4, 0):
        amounts = np.maximum(missing, round(side * 0.3))
        piece = _pad_softly(piece, cast(tuple[int, int, int, int], tuple(amounts.tolist())), blur=side * 0.02)
        to_piece[:, 2] += amounts[:2]
    return _resample(piece, to_piece, size)


def _transform(points: Points, matrix: Points) -> Points:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _pad_softly(pixels: Pixels, amounts: tuple[int, int, int, int], *, blur: float) -> Pixels:
    """Continues pixels (H, W, 3) by a mirror image that fades into a blurred one and then into the median colour.

    ``amounts`` is left, top, right, bottom in px; ``blur`` is the standard deviation of the Gaussian in px.
    """
    # The mirror image, and how deep each of its pixels lies in the padding: 0 at the photo's edge, 1 at the outside.
    left, top, right, bottom = amounts
    padded = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="reflect")
    height, width = padded.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    depth_x = 1 - np.minimum(x / max(left, 1), (width - 1 - x) / max(right, 1))
    depth_y = 1 - np.minimum(y / max(top, 1), (height - 1 - y) / max(bottom, 1))
    depth = np.maximum(depth_x[None, :], depth_y[:, None])[..., None].astype(np.float32)
    # Blur first, then the median colour, each weighted by the depth.
    kernel = 2 * math.ceil(blur * 4) + 1
    soft = cv2.GaussianBlur(padded, (kernel, kernel), blur, borderType=cv2.BORDER_REFLECT)
    blurred = padded + (soft - padded) * np.clip(depth * 3 + 1, 0, 1)
    median = np.median(blurred, axis=(0, 1))
    return (blurred + (median - blurred) * np.clip(depth, 0, 1)).astype(np.float32)


def _resample(pixels: Pixels, matrix: Points, size: int) -> Pixels:
    """Reads ``pixels`` at ``matrix @ (x, y, 1)`` for each x, y of the crop, without aliasing; (size, size, 3)."""
    # Average whole blocks while twice the wanted resolution remains.
    scale = float(np.hypot(*matrix[:, 0]))
    shrink = max(math.floor(scale / 2), 1)
    if shrink > 1:
        height, width = (math.ceil(length / shrink) for length in pixels.shape[:2])
        edges = ((0, height * shrink - pixels.shape[0]), (0, width * shrink - pixels.shape[1]), (0, 0))
        whole = np.pad(pixels, edges, mode="edge")
        pixels = cast(Pixels, cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))
        matrix = _rescaled(matrix, 1 / shrink)
    # Read bilinearly at the next finer multiple of the wanted resolution, then average down to it.
    fine = max(math.ceil(scale / shrink), 1)
    step = matrix.copy()
    step[:, :2] /= fine
    step[:, 2] -= step[:, :2] @ np.full(2, (fine - 1) / 2)
    warped = cv2.warpAffine(pixels, step, (size * fine, size * fine), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    if fine > 1:
        warped = cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
    return cast(Pixels, warped)


def _rescaled(matrix: Points, factor: float) -> Points:
    """Changes an affine map into a picture so that it leads into the same picture resized by ``factor``."""
    shifted = matrix * factor
    shifted[:, 2] += (factor - 1) / 2
    return shifted
