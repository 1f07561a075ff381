"""BlazeFace: a network that finds faces, a box and six key points each, in a square window (Bazarevsky et al. 2019).

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from photopulse.faces.locked_net import LockedNet

Points = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """A face that the detector found in a photo.

    Attributes:
        box: left, top, right, bottom in px; roughly from the brows to the chin, without hair.
        score: the detector's confidence, in [0, 1].
        keypoints: (6, 2) in px: left eye, right eye, nose tip, mouth, left ear, right ear; left and right are the
            viewer's when the face is upright.
    """

    box: tuple[float, float, float, float]
    score: float
    keypoints: Points

    @property
    def side(self) -> float:
        """The longer side of the box in px."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)


MAX_OVERLAP = 0.4
"""Two boxes that share more than this part of the smaller one are taken for the same face."""


class Window(NamedTuple):
    """A square part of a picture, in whole px; it may reach beyond the picture.

    Attributes:
        left: x of its left edge.
        top: y of its top edge.
        side: its width and height.
    """

    left: int
    top: int
    side: int


@dataclass(frozen=True, kw_only=True)
class AnchorLayout:
    """The anchors of one variant of BlazeFace.

    Attributes:
        input_size: side of the network's input in px.
        grids: for each output grid, its cells per side and the anchors in each cell.
    """

    input_size: int
    grids: tuple[tuple[int, int], ...]

    def centres(self) -> Points:
        """Lists the anchors' centres (N, 2) as fractions of the window, in the order of the network's outputs."""
        return np.concatenate([_cell_centres(cells).repeat(count, axis=0) for cells, count in self.grids])


def _cell_centres(cells: int) -> Points:
    ticks = (np.arange(cells) + 0.5) / cells
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)


SHORT_RANGE = AnchorLayout(input_size=128, grids=((16, 2), (8, 6)))
FULL_RANGE = AnchorLayout(input_size=192, grids=((48, 1),))


class BlazeFace:
    """One BlazeFace network.

    Args:
        model_file: the network in tflite format.
        layout: the anchors of this variant.

    Raises:
        PhotopulseError: if OpenCV cannot read the file.
    """

    def __init__(self, model_file: Path, layout: AnchorLayout) -> None:
        self.input_size = layout.input_size
        self._anchors = layout.centres()
        self._net = LockedNet(model_file)

    def look(self, pixels: Pixels, window: Window, *, threshold: float) -> list[Face]:
        """Finds faces with a score above ``threshold`` in a window of pixels (H, W, 3), RGB in [0, 1].

        Neighbouring anchors report the same face; ``keep_best`` picks one of them.
        """
        # Run the network on the window, scaled to its input size and to [-1, 1].
        blob = cut_window(pixels, window, self.input_size) * 2 - 1
        by_width = {output.shape[-1]: output[0] for output in self._net(blob)}
        scores = 1 / (1 + np.exp(-np.clip(by_width[1][:, 0], -50, 50)))
        sure = np.flatnonzero(scores > threshold)
        # Each output holds centre, size and six points; all but the size are relative to the anchor.
        outputs = by_width[16][sure].reshape(-1, 8, 2).astype(np.float64) / self.input_size
        outputs[:, [0, 2, 3, 4, 5, 6, 7]] += self._anchors[sure, None]
        # From fractions of the window to px of the picture.
        places = outputs * window.side + (window.left - 0.5, window.top - 0.5)
        halves = outputs[:, 1] * (window.side / 2)
        boxes = np.concatenate([places[:, 0] - halves, places[:, 0] + halves], axis=1)
        return [
            Face(box=cast(tuple[float, float, float, float], tuple(box)), score=float(score), keypoints=points)
            for box, score, points in zip(boxes.tolist(), scores[sure], places[:, 2:], strict=True)
        ]


def keep_best(faces: list[Face]) -> list[Face]:
    """Keeps, of faces that overlap, the one with the highest score (non-maximum suppression); highest score first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if is_apart(face, kept):
            kept.append(face)
    return kept


def is_apart(face: Face, others: list[Face]) -> bool:
    """Tells whether a face shares at most ``MAX_OVERLAP`` of the smaller box with each of the others."""
    return all(_overlap(face, other) <= MAX_OVERLAP for other in others)


def _overlap(face: Face, other: Face) -> float:
    width = min(face.box[2], other.box[2]) - max(face.box[0], other.box[0])
    height = min(face.box[3], other.box[3]) - max(face.box[1], other.box[1])
    smaller = min(_area(face), _area(other))
    return max(width, 0) * max(height, 0) / smaller if smaller > 0 else 0.0


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return max(right - left, 0) * max(bottom - top, 0)


def cut_window(pixels: Pixels, window: Window, size: int) -> Pixels:
    """Resizes a window of pixels (H, W, 3) to (size, size, 3) without aliasing; black beyond the picture."""
    # The part of the window that lies in the picture, and where it goes in the result.
    scale = size / window.side
    height, width = pixels.shape[:2]
    left, top = max(window.left, 0), max(window.top, 0)
    right, bottom = min(window.left + window.side, width), min(window.top + window.side, height)
    x, y = (min(round(gap * scale), size - 1) for gap in (left - window.left, top - window.top))
    shape = (
        max(round((right - window.left) * scale) - x, 1),
        max(round((bottom - window.top) * scale) - y, 1),
    )
    # Resize that part onto a black canvas.
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((size, size, 3), np.float32)
    canvas[y : y + shape[1], x : x + shape[0]] = cv2.resize(pixels[top:bottom, left:right], shape, interpolation=method)
    return canvas
