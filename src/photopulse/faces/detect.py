"""Finding all faces of a photo, of any size and way up.

Points are (x, y) in pixels, counted from the centre of the top left pixel.
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

# A full-range look finds faces down to about this fraction of its window (measured: benchmarks/face_detection.py).
SMALLEST_IN_WINDOW = 0.045


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """How hard to look.

    Attributes:
        threshold: least score of BlazeFace for a candidate, to which the mesh is then fitted.
        min_presence: least presence score of the mesh for a face.
        sure_score: from this score on ``min_sure_presence`` is enough, because the mesh doubts profiles.
        min_sure_presence: see ``sure_score``.
        upright_score: below this score the photo may lie on its side, so it is also looked at turned.
        min_relative_size: faces smaller than this fraction of the largest one are taken for bystanders, and not
            looked for on purpose; 0 looks for the smallest.
        window_fractions: sides of the windows of the closer looks, as fractions of the photo's shorter side.
        min_window: no closer looks at windows below this side in px.
        max_side: larger photos are first downscaled to this longer side in px.
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
    """The picture after ``turns`` counterclockwise quarter turns, and its faces at first glance."""

    turns: int
    pixels: Pixels
    faces: list[Face]

    @property
    def best_score(self) -> float:
        return max((face.score for face in self.faces), default=0.0)


class FaceDetector:
    """Finds faces by two BlazeFace networks and believes them where the mesh fits. Not to be shared between threads."""

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
        """Makes a detector from the weights table's ``blazeface`` and ``facemesh``, fetched once if need be."""
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

        Looks at the whole picture, turned by 90, 180 and 270 degrees too unless a face is surely upright, and then
        closer as long as smaller faces may be worth having. All faces are looked for the same way up.
        """
        pixels, scale = _limit_side(to_array(image), self._settings.max_side)
        faces = (_scaled(face, scale) for face in self._find(pixels))
        return sorted(faces, key=lambda face: -face.side)

    def _find(self, pixels: Pixels) -> list[Face]:
        upright = best = self._glance(pixels, turns=0)
        if upright.best_score < self._settings.upright_score:
            # A face that is upside down often passes for an upright one, but with a lower score than turned right.
            turned = [self._glance(pixels, turns=turns) for turns in (1, 3, 2)]
            best = max(upright, *turned, key=lambda view: view.best_score)
        if best.best_score < self._settings.sure_score:
            # A doubtful find in a turned picture must not hide small faces of an upright one.
            faces = self._look_closer(upright)
            if faces or not best.faces:
                return faces
        height, width = best.pixels.shape[:2]
        return [_turned_back(face, best.turns, width, height) for face in self._look_closer(best)]

    def _glance(self, pixels: Pixels, *, turns: int) -> _View:
        turned = np.ascontiguousarray(np.rot90(pixels, turns))
        height, width = turned.shape[:2]
        side = max(height, width)
        whole = Window((width - side) // 2, (height - side) // 2, side)
        threshold = self._settings.threshold
        candidates = self._short_range.look(turned, whole, threshold=threshold)
        candidates += self._full_range.look(turned, whole, threshold=threshold)
        return _View(turns, turned, self._believe(turned, candidates))

    def _look_closer(self, view: _View) -> list[Face]:
        """Adds the faces that are too small to be seen in the whole picture."""
        pixels, faces = view.pixels, list(view.faces)
        seen_from = max(pixels.shape[:2]) * SMALLEST_IN_WINDOW
        for fraction in self._settings.window_fractions:
            side = round(fraction * min(pixels.shape[:2]))
            wanted = self._settings.min_relative_size * max((face.side for face in faces), default=0.0)
            if side < self._settings.min_window or wanted >= seen_from:
                break
            candidates = [
                face
                for window in _windows(pixels, side)
                for face in self._full_range.look(pixels, window, threshold=self._settings.threshold)
                if is_apart(face, faces)
            ]
            faces += self._believe(pixels, candidates)
            seen_from = side * SMALLEST_IN_WINDOW
        return faces

    def _believe(self, pixels: Pixels, candidates: list[Face]) -> list[Face]:
        return [face for face in keep_best(candidates) if self._is_believable(face, self.mesher.fit(pixels, face))]

    def _is_believable(self, face: Face, mesh: FaceMesh) -> bool:
        sure = face.score >= self._settings.sure_score
        return mesh.presence >= (self._settings.min_sure_presence if sure else self._settings.min_presence)


def find_mesh(image: Tensor, detector: FaceDetector) -> FaceMesh | None:
    """Fits the mesh to the largest face of an image (1, 3, H, W) in [0, 1]; None if there is no face."""
    faces = detector.detect(image)
    return detector.mesher.face_mesh(image, faces[0]) if faces else None


def _limit_side(pixels: Pixels, max_side: int) -> tuple[Pixels, float]:
    """Downscales pixels (H, W, 3) to ``max_side`` and says by which factor points must grow to go back."""
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
    count = math.ceil((length - side) / (side * 2 / 3)) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _scaled(face: Face, factor: float) -> Face:
    if factor == 1:
        return face
    shift = (factor - 1) / 2
    left, top, right, bottom = (edge * factor + shift for edge in face.box)
    return replace(face, box=(left, top, right, bottom), keypoints=face.keypoints * factor + shift)


def _turned_back(face: Face, turns: int, width: int, height: int) -> Face:
    """Maps a face found in a picture of ``width`` x ``height`` after ``np.rot90(pixels, turns)`` back."""
    corners = np.array(face.box).reshape(2, 2)
    points = np.concatenate([corners, face.keypoints])
    for _ in range(turns):
        # One counterclockwise turn moved (x, y) to (y, width_before - 1 - x), and width_before is this height.
        points = np.stack([height - 1 - points[:, 1], points[:, 0]], axis=1)
        width, height = height, width
    (left, top), (right, bottom) = points[:2].min(axis=0).tolist(), points[:2].max(axis=0).tolist()
    return replace(face, box=(left, top, right, bottom), keypoints=points[2:])
