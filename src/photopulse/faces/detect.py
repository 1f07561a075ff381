"""Finds all faces of a photo, of any size and in any orientation.

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self, cast

import cv2
import numpy as np
from torch import Tensor

from photopulse import weights
from photopulse.faces.blazeface import FULL_RANGE, SHORT_RANGE, BlazeFace, Face, Pixels, Window, is_apart, keep_best
from photopulse.faces.mesh import FaceMesh, FaceMesher
from photopulse.images.arrays import to_array

# The full-range network finds faces down to about this fraction of its window (benchmarks/face_detection.py).
SMALLEST_IN_WINDOW = 0.045


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Thresholds of the face detection.

    Attributes:
        threshold: least score of BlazeFace for a candidate, to which the mesh is then fitted.
        min_presence: least presence score of the mesh for a candidate to count as a face.
        sure_score: from this BlazeFace score on ``min_sure_presence`` is enough, because the mesh has low presence
            scores for profiles.
        min_sure_presence: least presence score of the mesh for a candidate with ``sure_score`` or more.
        upright_score: if no face has this score, the photo may lie on its side, and turned copies are searched too.
        min_relative_size: smaller windows are not searched for faces below this fraction of the largest face, which
            are taken for bystanders; 0 searches for the smallest faces.
        window_fractions: sides of the smaller windows, as fractions of the photo's shorter side.
        min_window: smallest side of a window in px.
        max_side: longer side in px to which larger photos are downscaled first.
    """

    threshold: float = 0.5
    min_presence: float = 0.5
    sure_score: float = 0.7
    min_sure_presence: float = 0.1
    upright_score: float = 0.9
    min_relative_size: float = 0.2
    window_fractions: tuple[float, ...] = (2 / 3, 1 / 3)
    min_window: int = 96
    max_side: int = 2048


class _View(NamedTuple):
    """The picture after ``turns`` counterclockwise quarter turns, and the faces found in the whole of it."""

    turns: int
    pixels: Pixels
    faces: list[Face]

    @property
    def best_score(self) -> float:
        return max((face.score for face in self.faces), default=0.0)


class FaceDetector:
    """Finds candidates with two BlazeFace networks and keeps those that the face mesh confirms.

    It runs on the CPU; threads may share it.

    Args:
        short_range: the BlazeFace variant for large faces.
        full_range: the variant for small faces.
        mesher: fits the face mesh.
        settings: thresholds; the defaults if None.
    """

    def __init__(
        self,
        short_range: BlazeFace,
        full_range: BlazeFace,
        mesher: FaceMesher,
        settings: DetectSettings | None = None,
    ) -> None:
        self.mesher = mesher
        self._short_range = short_range
        self._full_range = full_range
        self._settings = settings or DetectSettings()

    @classmethod
    def load(cls, settings: DetectSettings | None = None) -> Self:
        """Makes a detector from the named weights ``blazeface`` and ``facemesh``, fetched once if need be.

        Raises:
            PhotopulseError: if the weights cannot be fetched.
        """
        return cls.from_folders(weights.fetch("blazeface"), weights.fetch("facemesh"), settings)

    @classmethod
    def from_folders(cls, blazeface: Path, facemesh: Path, settings: DetectSettings | None = None) -> Self:
        """Makes a detector from folders that hold the tflite files under MediaPipe's names."""
        return cls(
            BlazeFace(blazeface / "face_detection_short_range.tflite", SHORT_RANGE),
            BlazeFace(blazeface / "face_detection_full_range.tflite", FULL_RANGE),
            FaceMesher(facemesh / "face_landmark.tflite"),
            settings,
        )

    def detect(self, image: Tensor) -> list[Face]:
        """Finds the faces of an image (1, 3, H, W) in [0, 1], largest first; an empty list if there is none.

        The whole picture is searched first, also turned by 90, 180 and 270 degrees unless an upright face has a high
        score; then smaller windows, as long as faces of the wanted size could be too small for the larger ones. All
        faces of a picture are taken to have the same orientation.
        """
        pixels, scale = _limit_side(to_array(image), self._settings.max_side)
        faces = (_scaled(face, scale) for face in self._find(pixels))
        return sorted(faces, key=lambda face: -face.side)

    def _find(self, pixels: Pixels) -> list[Face]:
        # Find the orientation in which a face has the highest score.
        upright = best = self._search_whole(pixels, turns=0)
        if upright.best_score < self._settings.upright_score:
            # A face that is upside down is often found as an upright one, but with a lower score than when turned.
            turned = [self._search_whole(pixels, turns=turns) for turns in (1, 3, 2)]
            best = max(upright, *turned, key=lambda view: view.best_score)
        if best.best_score < self._settings.sure_score:
            # An uncertain face in a turned picture must not hide small faces of an upright one.
            faces = self._search_windows(upright)
            if faces or not best.faces:
                return faces
        # Search that orientation for smaller faces, and turn all of them back.
        height, width = best.pixels.shape[:2]
        return [_turned_back(face, best.turns, width, height) for face in self._search_windows(best)]

    def _search_whole(self, pixels: Pixels, *, turns: int) -> _View:
        turned = np.ascontiguousarray(np.rot90(pixels, turns))
        height, width = turned.shape[:2]
        side = max(height, width)
        whole = Window((width - side) // 2, (height - side) // 2, side)
        threshold = self._settings.threshold
        candidates = self._short_range.look(turned, whole, threshold=threshold)
        candidates += self._full_range.look(turned, whole, threshold=threshold)
        return _View(turns, turned, self._confirmed(turned, candidates))

    def _search_windows(self, view: _View) -> list[Face]:
        """Adds the faces that are too small to be found in the whole picture."""
        pixels, faces = view.pixels, list(view.faces)
        smallest_found = max(pixels.shape[:2]) * SMALLEST_IN_WINDOW
        for fraction in self._settings.window_fractions:
            # Stop once every face of the wanted size would have been found already.
            side = round(fraction * min(pixels.shape[:2]))
            wanted = self._settings.min_relative_size * max((face.side for face in faces), default=0.0)
            if side < self._settings.min_window or wanted >= smallest_found:
                break
            # Search all windows of this side for further faces.
            candidates = [
                face
                for window in _windows(pixels, side)
                for face in self._full_range.look(pixels, window, threshold=self._settings.threshold)
                if is_apart(face, faces)
            ]
            faces += self._confirmed(pixels, candidates)
            smallest_found = side * SMALLEST_IN_WINDOW
        return faces

    def _confirmed(self, pixels: Pixels, candidates: list[Face]) -> list[Face]:
        return [face for face in keep_best(candidates) if self._confirms(self.mesher.fit(pixels, face), face)]

    def _confirms(self, mesh: FaceMesh, face: Face) -> bool:
        sure = face.score >= self._settings.sure_score
        return mesh.presence >= (self._settings.min_sure_presence if sure else self._settings.min_presence)


def find_mesh(image: Tensor, detector: FaceDetector) -> FaceMesh | None:
    """Fits the mesh to the largest face of an image (1, 3, H, W) in [0, 1]; None if there is no face."""
    faces = detector.detect(image)
    return detector.mesher.face_mesh(image, faces[0]) if faces else None


def _limit_side(pixels: Pixels, max_side: int) -> tuple[Pixels, float]:
    """Downscales pixels (H, W, 3) to ``max_side``, and returns the factor that scales points back."""
    height, width = pixels.shape[:2]
    factor = max(height, width) / max_side
    if factor <= 1:
        return pixels, 1.0
    shape = (max(round(width / factor), 1), max(round(height / factor), 1))
    return cast(Pixels, cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)), factor


def _windows(pixels: Pixels, side: int) -> Iterator[Window]:
    """Covers the picture with windows that overlap by at least a third."""
    height, width = pixels.shape[:2]
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield Window(left, top, side)


def _starts(length: int, side: int) -> list[int]:
    """Spreads the windows' left or top edges evenly over one axis."""
    count = math.ceil((length - side) / (side * 2 / 3)) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _scaled(face: Face, factor: float) -> Face:
    """Returns the same face in a picture that is ``factor`` times as large."""
    if factor == 1:
        return face
    shift = (factor - 1) / 2
    left, top, right, bottom = (edge * factor + shift for edge in face.box)
    return replace(face, box=(left, top, right, bottom), keypoints=face.keypoints * factor + shift)


def _turned_back(face: Face, turns: int, width: int, height: int) -> Face:
    """Maps a face of the picture ``np.rot90(pixels, turns)``, of ``width`` x ``height``, back to ``pixels``."""
    corners = np.array(face.box).reshape(2, 2)
    points = np.concatenate([corners, face.keypoints])
    for _ in range(turns):
        # One counterclockwise turn moved (x, y) to (y, width_before - 1 - x), and width_before is this height.
        points = np.stack([height - 1 - points[:, 1], points[:, 0]], axis=1)
        width, height = height, width
    (left, top), (right, bottom) = points[:2].min(axis=0).tolist(), points[:2].max(axis=0).tolist()
    return replace(face, box=(left, top, right, bottom), keypoints=points[2:])
