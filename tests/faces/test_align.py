from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from photopulse.faces.align import Alignment, align_faces, ffhq_quad
from photopulse.faces.detect import FaceDetector

GOLDEN = Path(__file__).parents[1] / "data" / "ffhq_align_astronaut.npz"


def golden(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns 68 landmarks, the reference quad, and the reference crop averaged to 128 px."""
    with np.load(GOLDEN, allow_pickle=False) as file:
        return tuple(file[f"{key}_{number}"] for key in ("landmarks", "quad", "aligned_1024_box_to_128"))


def quad_of_68(landmarks: np.ndarray) -> np.ndarray:
    left_eye, right_eye = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    return ffhq_quad(left_eye, right_eye, landmarks[48], landmarks[54])


@pytest.mark.parametrize("number", range(4))
def test_quad_equals_the_reference(number: int):
    landmarks, quad, _ = golden(number)
    np.testing.assert_allclose(quad_of_68(landmarks), quad, atol=1e-6)


@pytest.mark.parametrize("number", range(4))
def test_crop_looks_like_the_reference(number: int, astronaut: Tensor):
    _, quad, expected = golden(number)
    crop = Alignment(quad=quad, size=1024).crop(astronaut)
    ours = torch.nn.functional.avg_pool2d(crop, 8)[0].permute(1, 2, 0).numpy() * 255
    assert crop.shape == (1, 3, 1024, 1024)
    assert np.abs(ours - expected).mean() < 1.5


points = st.floats(-500, 1500, allow_nan=False)


@given(
    centre=st.tuples(points, points),
    arm=st.tuples(st.floats(20, 300), st.floats(-300, 300)),
    size=st.sampled_from([16, 32, 256, 1024]),
    point=st.tuples(points, points),
)
def test_points_go_to_the_crop_and_back(centre, arm, size, point):
    x, y = np.array(arm), np.array([-arm[1], arm[0]])
    middle = np.array(centre)
    alignment = Alignment(quad=np.stack([middle - x - y, middle - x + y, middle + x + y, middle + x - y]), size=size)
    there = alignment.to_photo(np.array([point]))
    np.testing.assert_allclose(alignment.to_crop(there), [point], atol=1e-5)


def test_the_corners_of_the_crop_are_the_corners_of_the_quad():
    _, quad, _ = golden(0)
    alignment = Alignment(quad=quad, size=64)
    # A crop of 64 px spans from -0.5 to 63.5, the photo's coordinates count from pixel centres too.
    corners = np.array([(-0.5, -0.5), (-0.5, 63.5), (63.5, 63.5), (63.5, -0.5)])
    np.testing.assert_allclose(alignment.to_photo(corners), quad, atol=1e-9)


def test_an_upright_square_of_whole_pixels_is_cut_out_unchanged():
    photo = torch.rand(1, 3, 90, 90, generator=torch.Generator().manual_seed(0))
    quad = np.array([(9.5, 19.5), (9.5, 51.5), (41.5, 51.5), (41.5, 19.5)])
    alignment = Alignment(quad=quad, size=32)
    np.testing.assert_allclose(alignment.to_photo(np.array([(0.0, 0.0)])), [(9.5 + 0.5, 19.5 + 0.5)])
    torch.testing.assert_close(alignment.crop(photo), photo[:, :, 20:52, 10:42], atol=1e-5, rtol=0)


def test_without_padding_what_lies_beyond_the_photo_is_black_and_with_it_it_is_not():
    photo = torch.full((1, 3, 60, 60), 0.8)
    quad = np.array([(-40.5, -0.5), (-40.5, 59.5), (19.5, 59.5), (19.5, -0.5)])
    black = Alignment(quad=quad, size=60, padding=False).crop(photo)
    padded = Alignment(quad=quad, size=60).crop(photo)
    assert black[..., :35].max() == 0
    torch.testing.assert_close(padded, torch.full_like(padded, 0.8), atol=1e-3, rtol=0)


def test_coinciding_eyes_are_refused():
    eye = np.array([10.0, 10.0])
    with pytest.raises(ValueError, match="span no square"):
        ffhq_quad(eye, eye, np.array([8.0, 20.0]), np.array([12.0, 20.0]))


@pytest.mark.weights
def test_the_mesh_gives_nearly_the_square_of_the_68_landmarks(detector: FaceDetector, astronaut: Tensor):
    _, quad, expected = golden(0)
    (face,) = align_faces(astronaut, detector)
    side = np.linalg.norm(quad[1] - quad[0])
    # The golden landmarks are drawn by hand and lie a little low; test_mesh.py checks the real accuracy.
    assert np.abs(face.alignment.quad - quad).max() < 0.06 * side
    ours = torch.nn.functional.avg_pool2d(face.image, 8)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(ours - expected).mean() < 25


@pytest.mark.weights
def test_every_face_of_a_photo_is_aligned(detector: FaceDetector, two_faces: Tensor):
    left, right = sorted(align_faces(two_faces, detector, size=128), key=lambda face: face.alignment.quad[0, 0])
    # Mirrored faces give mirrored crops.
    assert (left.image - right.image.flip(3)).abs().mean() < 0.06
    assert left.alignment.quad[:, 0].max() < 512 < right.alignment.quad[:, 0].min()


@pytest.mark.weights
def test_a_photo_without_a_face_gives_an_empty_list(detector: FaceDetector):
    assert align_faces(torch.full((1, 3, 200, 300), 0.5), detector) == []
