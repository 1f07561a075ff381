import numpy as np
import pytest
import torch
from torch import Tensor

from photopulse.faces.blazeface import Face
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import FaceMesh, ffhq_landmarks

# Eyes and mouth corners of skimage's astronaut, from a 68-point detector.
REFERENCE = np.array([(203.0, 101.5), (247.0, 104.0), (201.0, 140.0), (245.0, 141.0)])


@pytest.mark.weights
def test_landmarks_agree_with_a_68_point_detector(detector: FaceDetector, astronaut: Tensor):
    mesh = detector.mesher.face_mesh(astronaut, detector.detect(astronaut)[0])
    assert mesh.points.shape == (468, 3)
    assert mesh.presence > 0.9
    np.testing.assert_allclose(np.stack(ffhq_landmarks(mesh)), REFERENCE, atol=4)


@pytest.mark.weights
def test_a_moved_photo_moves_the_mesh(detector: FaceDetector, astronaut: Tensor):
    face = detector.detect(astronaut)[0]
    there = detector.mesher.face_mesh(astronaut, face)
    moved = torch.nn.functional.pad(astronaut, (37, 0, 21, 0))
    left, top, right, bottom = face.box
    face = Face(
        box=(left + 37, top + 21, right + 37, bottom + 21),
        score=face.score,
        keypoints=face.keypoints + np.array((37, 21)),
    )
    shift = detector.mesher.face_mesh(moved, face).points - there.points
    np.testing.assert_allclose(shift, np.broadcast_to((37, 21, 0), shift.shape), atol=0.5)


@pytest.mark.weights
def test_no_face_has_little_presence(detector: FaceDetector):
    face = Face(box=(50, 50, 150, 150), score=0.9, keypoints=np.array([(80.0, 90.0), (120.0, 90.0)] * 3))
    assert detector.mesher.face_mesh(torch.full((1, 3, 200, 200), 0.5), face).presence < 0.5


def test_landmarks_are_means_and_corners_of_the_mesh():
    points = np.zeros((468, 3))
    points[:, 0] = np.arange(468)
    left, right, left_mouth, right_mouth = ffhq_landmarks(FaceMesh(points=points, presence=1.0))
    assert left[0] == np.mean([33, 160, 158, 133, 153, 144])
    assert right[0] == np.mean([362, 385, 387, 263, 373, 380])
    assert (left_mouth[0], right_mouth[0]) == (61, 291)
