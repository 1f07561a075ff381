import numpy as np
import numpy.typing as npt
import pytest
from skimage.draw import polygon, polygon_perimeter
from skimage.morphology import dilation

from photopulse.training.fsrnet.face_parts import (
    LANDMARKS,
    MIRRORED_LANDMARKS,
    MIRRORED_PARTS,
    PARTS,
    draw_landmarks,
    draw_parts,
)

Points = npt.NDArray[np.float64]


@pytest.mark.parametrize("mirrored", [MIRRORED_LANDMARKS, MIRRORED_PARTS])
def test_mirroring_twice_changes_nothing(mirrored: tuple[int, ...]):
    assert [mirrored[place] for place in mirrored] == list(range(len(mirrored)))


def test_left_landmarks_lie_left_in_a_real_face_and_middle_ones_in_the_middle(mesh: Points):
    x = mesh[list(LANDMARKS), 0]
    middle = mesh[[10, 152], 0].mean()
    assert (x[:14] < middle - 0.02).all()
    assert (x[14:28] > middle + 0.02).all()
    assert abs(x[28:] - middle).max() < 0.02


def test_the_mirrored_landmarks_are_those_that_the_mesh_network_sees_in_the_mirror(mesh: Points, mirrored_mesh: Points):
    in_the_mirror = (mirrored_mesh * (-1, 1) + (1, 0))[np.array(LANDMARKS)[list(MIRRORED_LANDMARKS)]]
    here = mesh[list(LANDMARKS)]
    # The mesh of the mirror image is up to 5 of 256 px off; the nearest landmarks are further apart.
    distances = np.hypot(*(here[:, None] - in_the_mirror[None]).transpose(2, 0, 1)) * 256
    assert distances.diagonal().max() < 5
    assert (distances.argmin(axis=1) == np.arange(32)).all()


def test_the_mirrored_parts_are_those_of_the_mirror_image(mesh: Points, mirrored_mesh: Points):
    here = draw_parts(mesh * 128 - 0.5, 128)
    in_the_mirror = draw_parts(mirrored_mesh * 128 - 0.5, 128)[list(MIRRORED_PARTS), :, ::-1]
    common, either = (here * in_the_mirror).sum((1, 2)), np.maximum(here, in_the_mirror).sum((1, 2))
    assert (common[[0, 1, 2, 3, 4, 5, 6]] > 0.6 * either[[0, 1, 2, 3, 4, 5, 6]]).all()


def test_a_heatmap_is_a_gaussian_of_height_one_at_its_landmark(mesh: Points):
    points = np.round(mesh * 60)
    maps = draw_landmarks(points, 64, deviation=1.5)
    assert maps.shape == (32, 64, 64)
    assert maps.dtype == np.float32
    for heatmap, (x, y) in zip(maps, points[list(LANDMARKS)].astype(int), strict=True):
        assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (y, x)
        assert heatmap[y, x] == 1
        assert heatmap[y, x + 2] == pytest.approx(np.exp(-(2**2) / (2 * 1.5**2)))
        assert heatmap[y + 1, x - 1] == pytest.approx(np.exp(-2 / (2 * 1.5**2)))


def test_a_heatmap_between_pixels_has_its_centre_of_mass_at_the_landmark(mesh: Points):
    points = 8 + mesh * 48
    maps = draw_landmarks(points, 64)
    total = maps.sum((1, 2))
    x, y = (maps.sum(axis=1) @ np.arange(64)) / total, (maps.sum(axis=2) @ np.arange(64)) / total
    np.testing.assert_allclose(np.stack([x, y], axis=1), points[list(LANDMARKS)], atol=1e-3)


def test_a_landmark_outside_leaves_its_map_black():
    assert draw_landmarks(np.full((468, 2), -20.0), 32).max() < 1e-6


def test_parts_are_filled_as_scikit_image_fills_polygons(mesh: Points):
    points = mesh * 128 - 0.5
    for part, corners in zip(draw_parts(points, 128), PARTS, strict=True):
        x, y = points[list(corners)].T
        inside = np.zeros((128, 128), bool)
        inside[polygon(y, x)] = True
        edge = np.zeros((128, 128), bool)
        edge[polygon_perimeter(np.round(y).astype(int), np.round(x).astype(int))] = True
        assert set(np.unique(part)) == {0, 1}
        assert part[inside].mean() > 0.99
        assert not part[~dilation(inside | edge, np.ones((3, 3)))].any()


def test_eyes_and_lips_lie_within_the_skin_and_the_left_ones_left(mesh: Points):
    skin, left_brow, right_brow, left_eye, right_eye, nose, lips, mouth = draw_parts(mesh * 128 - 0.5, 128)
    for part in (left_eye, right_eye, nose, lips, mouth):
        assert (skin[part > 0] == 1).all()
    columns = np.arange(128)
    for left, right in ((left_brow, right_brow), (left_eye, right_eye)):
        assert columns[left.any(axis=0)].max() < columns[right.any(axis=0)].min()
