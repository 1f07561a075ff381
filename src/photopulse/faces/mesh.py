"""The 468-point face mesh (Kartynnik et al. 2019), and the four points of it that the FFHQ alignment needs.

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

from photopulse.faces.blazeface import Face, Pixels, Points
from photopulse.faces.locked_net import LockedNet
from photopulse.images.arrays import to_array

INPUT_SIZE = 192
# Side of the network's input in the photo, over the side of the face.
MARGIN = 1.5
# Indices of the mesh points.
LEFT_EYE = (33, 160, 158, 133, 153, 144)
RIGHT_EYE = (362, 385, 387, 263, 373, 380)
MOUTH_CORNERS = (61, 291)


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceMesh:
    """The surface of a face.

    Attributes:
        points: (468, 3): x and y in px of the photo; z is the depth in px, smaller is nearer to the camera.
        presence: the network's confidence that there is a face, in [0, 1].
    """

    points: npt.NDArray[np.float64]
    presence: float

    def scaled(self, factor: float) -> "FaceMesh":
        """Returns the mesh of the same face in a photo that is ``factor`` times as large."""
        points = self.points * factor
        points[:, :2] += (factor - 1) / 2
        return FaceMesh(points=points, presence=self.presence)


class FaceMesher:
    """The face mesh network.

    Args:
        model_file: the network in tflite format.

    Raises:
        PhotopulseError: if OpenCV cannot read the file.
    """

    def __init__(self, model_file: Path) -> None:
        self._net = LockedNet(model_file)

    def face_mesh(self, image: Tensor, face: Face) -> FaceMesh:
        """Fits the mesh to a face that was found in an image (1, 3, H, W) in [0, 1]."""
        return self.fit(to_array(image), face)

    def fit(self, pixels: Pixels, face: Face) -> FaceMesh:
        """Fits the mesh to a face that was found in pixels (H, W, 3), RGB in [0, 1].

        The network runs twice: first on the square of the detector's box and eyes, then on that of the first mesh.
        """
        left, top, right, bottom = face.box
        centre = np.array([(left + right) / 2, (top + bottom) / 2])
        first = self._run(pixels, _upright(centre, face.side, face.keypoints[1] - face.keypoints[0]))
        low, high = first.points[:, :2].min(axis=0), first.points[:, :2].max(axis=0)
        eye_line = first.points[263, :2] - first.points[33, :2]
        return self._run(pixels, _upright((low + high) / 2, float((high - low).max()), eye_line))

    def _run(self, pixels: Pixels, matrix: Points) -> FaceMesh:
        """Runs the network on the square that ``matrix`` (2, 3) spans in ``pixels``."""
        scale = float(np.hypot(*matrix[:, 0]))
        blob = _sample(pixels, matrix, scale)
        by_size = {output.size: output for output in self._net(blob)}
        # From px of the network's input to px of the photo.
        points = by_size[468 * 3].reshape(468, 3).astype(np.float64)
        points[:, :2] = (points[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2]
        points[:, 2] *= scale
        presence = 1 / (1 + np.exp(-np.clip(by_size[1].item(), -50, 50)))
        return FaceMesh(points=points, presence=float(presence))


def ffhq_landmarks(mesh: FaceMesh) -> tuple[Points, Points, Points, Points]:
    """Returns the arguments of ``ffhq_quad``: left eye, right eye, left and right mouth corner, each (2,).

    They replace FFHQ's 68-point landmarks: an eye's centre is the mean of its two corners and of four points of the
    lids.
    """
    points = mesh.points[:, :2]
    return (
        points[list(LEFT_EYE)].mean(axis=0),
        points[list(RIGHT_EYE)].mean(axis=0),
        points[MOUTH_CORNERS[0]],
        points[MOUTH_CORNERS[1]],
    )


def _upright(centre: Points, side: float, eye_line: Points) -> Points:
    """Builds the affine map (2, 3) from the network's input, with level eyes and a margin, to the photo."""
    direction = eye_line / max(float(np.hypot(*eye_line)), 1e-6) * (side * MARGIN / INPUT_SIZE)
    axes = np.array([[direction[0], -direction[1]], [direction[1], direction[0]]])
    middle = (INPUT_SIZE - 1) / 2
    return np.concatenate([axes, (centre - axes @ (middle, middle))[:, None]], axis=1)


def _sample(pixels: Pixels, matrix: Points, scale: float) -> Pixels:
    """Reads the network's input out of the photo; black beyond the picture."""
    # Cut out the part that the map can reach.
    reach = INPUT_SIZE * scale
    centre = matrix[:, :2] @ np.full(2, INPUT_SIZE / 2) + matrix[:, 2]
    start = np.maximum(np.floor(centre - reach).astype(int), 0)
    stop = np.maximum(np.ceil(centre + reach).astype(int), start + 1)
    piece = pixels[start[1] : stop[1], start[0] : stop[0]]
    if piece.size == 0:
        return np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.float32)
    # Bilinear interpolation skips pixels where the face is larger than the input, so downscale such a face first.
    shrink = max(scale, 1.0)
    width, height = (max(round(length / shrink), 1) for length in (piece.shape[1], piece.shape[0]))
    ratio = np.array([width / piece.shape[1], height / piece.shape[0]])
    small = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA) if shrink > 1 else piece
    # The same map, into the downscaled part.
    local = matrix.copy()
    local[:, 2] -= start
    local *= ratio[:, None]
    local[:, 2] += (ratio - 1) / 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast(Pixels, cv2.warpAffine(small, local, (INPUT_SIZE, INPUT_SIZE), flags=flags))
