"""The align story, on faces that a made-up detector finds."""

import numpy as np
import pytest
import torch

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.faces.blazeface import Face
from photopulse.faces.mesh import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FaceMesh
from photopulse.upscaling.align import align


class MadeUpDetector:
    """Finds upright faces of 30 px between the eyes at given points."""

    def __init__(self, *centres):
        self.centres = centres
        self.mesher = self

    def detect(self, image):
        return [
            Face(box=(x - 30, y - 30, x + 30, y + 30), score=1, keypoints=np.zeros((6, 2))) for x, y in self.centres
        ]

    def face_mesh(self, image, face):
        x, y = face.box[0] + 30, face.box[1] + 30
        points = np.zeros((468, 3))
        points[list(LEFT_EYE), :2] = (x - 15, y)
        points[list(RIGHT_EYE), :2] = (x + 15, y)
        points[list(MOUTH_CORNERS), :2] = [(x - 10, y + 30), (x + 10, y + 30)]
        return FaceMesh(points=points, presence=1)


PHOTO = torch.rand(1, 3, 200, 300, generator=torch.Generator().manual_seed(0))


def test_each_face_is_cropped_and_shrunk_as_the_search_does():
    (full,) = align(PHOTO, size=0, detector=MadeUpDetector((150, 90)))
    (small,) = align(PHOTO, size=32, detector=MadeUpDetector((150, 90)))
    assert full.image.shape == (1, 3, 1024, 1024)
    assert torch.allclose(small.image, Bicubic(32)(full.image).clamp(0, 1), atol=1e-6)
    assert small.alignment.size == 32
    assert np.array_equal(small.alignment.quad, full.alignment.quad)


def test_all_faces_come_in_the_detectors_order():
    faces = align(PHOTO, detector=MadeUpDetector((90, 90), (200, 90)))
    assert [round(face.alignment.quad[:, 0].mean()) for face in faces] == [90, 200]
    assert all(face.image.shape == (1, 3, 32, 32) for face in faces)


def test_a_photo_without_a_face_says_so():
    with pytest.raises(PhotopulseError, match="cannot align the given picture: no face was found"):
        align(PHOTO, detector=MadeUpDetector())


@pytest.mark.parametrize("size", [-1, 20, 2048])
def test_a_size_that_does_not_divide_is_refused_before_anything_is_read(size):
    with pytest.raises(PhotopulseError, match="must divide 1024"):
        align("there-is-no-such-file.jpg", size=size, detector=MadeUpDetector())
