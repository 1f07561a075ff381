import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from photopulse.faces.blazeface import FULL_RANGE, SHORT_RANGE, Face, Window, cut_window, is_apart, keep_best
from photopulse.faces.detect import DetectSettings, FaceDetector
from photopulse.faces.mesh import FaceMesh
from photopulse.images import from_uint8, read_image, to_uint8

PORTRAITS = Path(__file__).parents[2] / ".." / "shared" / "data" / "portraits" / "val"
# The eyes of skimage's astronaut, from a 68-point detector.
LEFT_EYE, RIGHT_EYE = (203.0, 101.5), (247.0, 104.0)


def make_face(left: float, top: float, side: float, score: float) -> Face:
    return Face(box=(left, top, left + side, top + side), score=score, keypoints=np.zeros((6, 2)))


def resized(image: Tensor, width: int, height: int) -> Tensor:
    return from_uint8(np.asarray(Image.fromarray(to_uint8(image)).resize((width, height), Image.Resampling.BICUBIC)))


def test_anchors_are_the_cell_centres_of_the_published_grids():
    short, full = SHORT_RANGE.centres(), FULL_RANGE.centres()
    assert short.shape == (896, 2)
    assert full.shape == (48 * 48, 2)
    np.testing.assert_allclose(short[:2], [(1 / 32, 1 / 32)] * 2)
    np.testing.assert_allclose(short[2], (3 / 32, 1 / 32))
    np.testing.assert_allclose(short[512:518], [(1 / 16, 1 / 16)] * 6)
    np.testing.assert_allclose(full[49], (3 / 96, 3 / 96))


def test_of_overlapping_answers_the_surest_is_kept():
    faces = [make_face(0, 0, 100, 0.6), make_face(5, 5, 100, 0.9), make_face(300, 0, 50, 0.7)]
    assert [face.score for face in keep_best(faces)] == [0.9, 0.7]
    assert not is_apart(faces[0], [faces[1]])
    assert is_apart(faces[2], faces[:2])


def test_a_face_within_a_larger_box_is_the_same_face():
    assert not is_apart(make_face(40, 40, 10, 0.5), [make_face(0, 0, 100, 0.9)])


def test_a_window_over_the_edge_is_black_beyond_the_picture():
    pixels = np.ones((20, 20, 3), np.float32)
    cut = cut_window(pixels, Window(-10, -10, 20), 40)
    assert cut[:20].max() == 0
    assert cut[20:, 20:].min() == 1


class FakeNetwork:
    """Stands in for both BlazeFaces: answers by the width of the picture and the side of the window."""

    def __init__(self, answers: dict[tuple[int, int], Face]) -> None:
        self.answers = answers

    def look(self, pixels: np.ndarray, window: Window, *, threshold: float) -> list[Face]:
        face = self.answers.get((pixels.shape[1], window.side))
        return [face] if face and face.score > threshold else []


class BelievingMesher:
    def fit(self, pixels: np.ndarray, face: Face) -> FaceMesh:
        return FaceMesh(points=np.zeros((468, 3)), presence=1.0)


@pytest.mark.parametrize(("turned_score", "expected"), [(0.6, (10, 20, 18, 28)), (0.8, (240, 50, 290, 100))])
def test_only_a_sure_find_in_a_turned_photo_hides_small_upright_faces(turned_score: float, expected: tuple[int, ...]):
    # Upright 300 wide and 200 high, so turned 200 wide; the first window of the closer looks has 2/3 of 200 px.
    network = FakeNetwork({(200, 300): make_face(50, 9, 50, turned_score), (300, 133): make_face(10, 20, 8, 0.65)})
    (face,) = FaceDetector(network, network, BelievingMesher()).detect(torch.zeros(1, 3, 200, 300))
    np.testing.assert_allclose(face.box, expected, atol=1)


@pytest.mark.weights
def test_the_astronaut_is_found_where_she_is(detector: FaceDetector, astronaut: Tensor):
    (face,) = detector.detect(astronaut)
    assert face.score > 0.8
    np.testing.assert_allclose(face.keypoints[:2], [LEFT_EYE, RIGHT_EYE], atol=6)


@pytest.mark.weights
@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_she_is_found_in_small_pictures_too(side: int, detector: FaceDetector, astronaut: Tensor):
    head = astronaut[:, :, 0:256, 96:352]
    (face,) = detector.detect(resized(head, side, side))
    scale = side / 256
    np.testing.assert_allclose(face.keypoints[0], (np.array(LEFT_EYE) - (96, 0)) * scale, atol=max(10 * scale, 2))


@pytest.mark.weights
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_gives_the_face_where_it_lies(turns: int, detector: FaceDetector, astronaut: Tensor):
    (face,) = detector.detect(torch.rot90(astronaut, turns, (2, 3)))
    x, y = LEFT_EYE
    for _ in range(turns):  # One counterclockwise turn of a 512 px square moves (x, y) to (y, 511 - x).
        x, y = y, 511 - x
    np.testing.assert_allclose(face.keypoints[0], (x, y), atol=8)


@pytest.mark.weights
def test_all_faces_are_found_largest_first(detector: FaceDetector, astronaut: Tensor):
    canvas = torch.full((1, 3, 600, 1100), 0.4)
    canvas[:, :, 44:556, 0:512] = astronaut
    canvas[:, :, 100:356, 600:856] = resized(astronaut, 256, 256)
    faces = detector.detect(canvas)
    assert len(faces) == 2
    assert faces[0].side > 1.5 * faces[1].side
    assert faces[0].box[2] < 512 < faces[1].box[0]


@pytest.mark.weights
def test_a_small_face_in_a_large_photo_is_found(detector: FaceDetector, astronaut: Tensor):
    canvas = torch.full((1, 3, 1500, 2000), 0.4)
    canvas[:, :, 900:1156, 1500:1756] = resized(astronaut, 256, 256)
    (face,) = detector.detect(canvas)
    np.testing.assert_allclose(face.keypoints[0], (1500 + LEFT_EYE[0] / 2, 900 + LEFT_EYE[1] / 2), atol=6)


@pytest.mark.weights
@pytest.mark.parametrize("name", ["coffee", "rocket", "chelsea", "brick", "coins", "page"])
def test_pictures_without_people_have_no_faces(name: str, detector: FaceDetector):
    array = np.asarray(Image.fromarray(getattr(data, name)()).convert("RGB"))
    assert detector.detect(from_uint8(array)) == []


@pytest.mark.weights
def test_a_higher_threshold_finds_no_more(detector: FaceDetector, astronaut: Tensor):
    strict = FaceDetector.load(DetectSettings(threshold=0.999999, min_presence=0.999999, min_sure_presence=0.999999))
    assert len(strict.detect(astronaut)) <= len(detector.detect(astronaut))


@pytest.mark.weights
@pytest.mark.skipif(not PORTRAITS.is_dir(), reason="the portraits lie in ../shared, which is not here")
def test_faces_survive_shrinking_and_strong_jpeg(detector: FaceDetector):
    found = 0
    files = sorted(PORTRAITS.glob("*.jpg"))[:12]
    for file in files:
        image = Image.fromarray(to_uint8(read_image(file).pixels))
        stream = io.BytesIO()
        image.resize((image.width // 4, image.height // 4), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=30)
        found += len(detector.detect(from_uint8(np.asarray(Image.open(stream))))) == 1
    assert found >= len(files) - 1
