import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FaceMesh, ffhq_landmarks
from photopulse.faces.region import FaceRegion, face_region
from photopulse.metrics import psnr


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turns clockwise as seen on the screen."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return points @ np.array([[cos, sin], [-sin, cos]])


def oval_mesh(half_width: float, half_height: float, *, roll: float = 0.0, lean: float = 0.0) -> FaceMesh:
    """A mesh around (300, 200) whose points lie on an ellipse turned by ``lean``, its eyes and mouth by ``roll``."""
    around = np.linspace(0, 2 * math.pi, 468, endpoint=False)
    points = turned(np.stack([half_width * np.cos(around), half_height * np.sin(around)], axis=1), lean)
    points[list(LEFT_EYE)] = turned(np.array([(-10.0, -10.0)]), roll)
    points[list(RIGHT_EYE)] = turned(np.array([(10.0, -10.0)]), roll)
    points[list(MOUTH_CORNERS)] = turned(np.array([(-8.0, 15.0), (8.0, 15.0)]), roll)
    depth = np.zeros((468, 1))
    return FaceMesh(points=np.concatenate([points + np.array([300, 200]), depth], axis=1), presence=1.0)


def waves(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    planes = [torch.sin(x / 23 + y / 31), torch.cos(x / 41 - y / 27), torch.sin(y / 19)]
    return 0.5 + 0.4 * torch.stack(planes)[None].float()


def test_the_square_of_a_level_face_is_as_worked_by_hand():
    region = face_region(oval_mesh(40, 50), expand=1.6, lift=0.15)
    assert region.side == pytest.approx(160, abs=0.1)
    np.testing.assert_allclose(region.centre, (300, 185), atol=0.1)
    assert region.angle == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(region.corners, [(220, 105), (220, 265), (380, 265), (380, 105)], atol=0.1)


@pytest.mark.parametrize("roll", [0, 25, -40, 90, 135, 180, -90, -100])
def test_a_face_any_way_up_becomes_upright(roll: float):
    mesh = oval_mesh(40, 50, roll=roll, lean=roll)
    region = face_region(mesh)
    assert math.cos(math.radians(region.angle - roll)) == pytest.approx(1)
    eye_left, eye_right, mouth_left, mouth_right = (
        region.to_crop(point[None], 256)[0] for point in ffhq_landmarks(mesh)
    )
    assert eye_left[1] == pytest.approx(eye_right[1], abs=1e-6)
    assert eye_left[0] < eye_right[0]
    assert eye_left[1] < mouth_left[1] == pytest.approx(mouth_right[1], abs=1e-6)


def test_a_round_face_leans_as_its_eyes_do_whatever_the_smallest_rectangle_is():
    random = np.random.default_rng(0)
    smallest: list[float] = []
    for _ in range(10):
        mesh = oval_mesh(50, 51, roll=12, lean=12)
        mesh.points[:, :2] += random.normal(0, 0.3, (468, 2))
        smallest.append(cv2.minAreaRect(mesh.points[:, :2].astype(np.float32))[2])
        assert face_region(mesh).angle == pytest.approx(12, abs=3)
    # The bare rectangle would have jumped.
    assert np.ptp(smallest) > 10


def test_a_long_outline_turns_the_square_only_as_far_as_the_rectangle_needs():
    mesh = oval_mesh(30, 60, roll=0, lean=30)
    region = face_region(mesh)
    points = turned(mesh.points[:, :2] - (300, 200), -region.angle)
    _, sides, _ = cv2.minAreaRect(mesh.points[:, :2].astype(np.float32))
    assert 10 < region.angle < 30
    assert 1.05 < np.ptp(points, axis=0).prod() / (sides[0] * sides[1]) <= 1.1


def test_a_mesh_without_roll_or_extent_is_refused():
    points = np.zeros((468, 3))
    with pytest.raises(ValueError, match="no roll"):
        face_region(FaceMesh(points=points, presence=1.0))


def test_points_go_to_the_crop_and_back():
    region = FaceRegion(centre=(31.5, 77.25), side=93.0, angle=-141.0)
    points = np.array([(0.0, 0.0), (255.0, 3.0), (-20.0, 500.0)])
    np.testing.assert_allclose(region.to_crop(region.to_photo(points, 256), 256), points, atol=1e-9)
    ends = np.array([(-0.5, -0.5), (-0.5, 255.5), (255.5, 255.5), (255.5, -0.5)])
    np.testing.assert_allclose(region.to_photo(ends, 256), region.corners, atol=1e-9)


def test_an_upright_square_of_whole_pixels_is_cut_out_and_put_back_unchanged():
    photo = torch.rand(1, 3, 90, 90, generator=torch.Generator().manual_seed(0))
    # Pixels 10 to 41 and 20 to 51.
    region = FaceRegion(centre=(25.5, 35.5), side=32, angle=0)
    crop = region.crop(photo, 32)
    torch.testing.assert_close(crop, photo[:, :, 20:52, 10:42], atol=1e-5, rtol=0)
    patch = region.place(crop, (90, 90))
    assert (patch.top, patch.left, patch.pixels.shape) == (20, 10, (1, 3, 32, 32))
    torch.testing.assert_close(patch.pixels, crop, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [60.0, 128.0, 190.0, 300.0])
@pytest.mark.parametrize("angle", [0.0, 17.0, 180.0])
def test_a_crop_put_back_is_the_photo_again(side: float, angle: float):
    photo = waves(400, 420)
    region = FaceRegion(centre=(205.3, 196.9), side=side, angle=angle)
    patch = region.place(region.crop(photo, 128), (400, 420))
    inside = region.place(torch.ones(1, 1, 128, 128), (400, 420)).pixels > 0.999
    # Cubic reading and the filters blend with the nothing beside the crop for a few pixels.
    kernel = 2 * math.ceil(3 * max(side / 128, 1)) + 1
    beside = torch.nn.functional.pad(1 - inside.float(), (kernel // 2,) * 4, value=1.0)
    inner = torch.nn.functional.max_pool2d(beside, kernel, stride=1) < 0.5
    there = photo[(..., *patch.window)]
    assert inner.float().mean() > 0.3
    assert psnr(torch.where(inner, patch.pixels, there), there).item() > 50


def test_a_ramp_put_back_is_the_ramp_to_a_thousandth():
    ramp = (torch.arange(300.0) / 300).expand(1, 3, 300, 300)
    for side, angle in ((50.0, 10.0), (200.0, 63.0), (201.0, 0.0)):
        region = FaceRegion(centre=(150.2, 149.1), side=side, angle=angle)
        patch = region.place(region.crop(ramp, 100), (300, 300))
        rows, columns = patch.pixels.shape[2:]
        middle = (..., slice(rows // 3, -rows // 3), slice(columns // 3, -columns // 3))
        expected = ramp[(..., *patch.window)][middle]
        torch.testing.assert_close(patch.pixels[middle], expected, atol=1e-4, rtol=0)


def test_a_region_over_the_photos_edge_holds_no_black_and_its_patch_stays_in_the_photo():
    photo = torch.full((1, 3, 100, 80), 0.7)
    region = FaceRegion(centre=(5, 90), side=70, angle=30)
    crop = region.crop(photo, 64)
    torch.testing.assert_close(crop, torch.full_like(crop, 0.7), atol=1e-4, rtol=0)
    patch = region.place(crop, (100, 80))
    assert photo[(..., *patch.window)].shape == patch.pixels.shape
    assert (patch.top + patch.pixels.shape[2], patch.left) == (100, 0)


def test_beside_the_region_its_patch_is_zero():
    region = FaceRegion(centre=(50, 50), side=60, angle=45)
    patch = region.place(torch.ones(1, 1, 64, 64), (101, 101))
    assert patch.pixels[0, 0, 0, 0] == 0
    assert patch.pixels[0, 0, 42, 42] == pytest.approx(1, abs=1e-5)


def test_a_region_outside_of_the_photo_has_no_place_in_it():
    with pytest.raises(ValueError, match="outside of the photo"):
        FaceRegion(centre=(-100, 50), side=40, angle=0).place(torch.ones(1, 3, 32, 32), (100, 100))


@pytest.mark.weights
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_gives_the_same_crop(detector: FaceDetector, astronaut: Tensor, turns: int):
    def crop(photo: Tensor) -> Tensor:
        return face_region(detector.mesher.face_mesh(photo, detector.detect(photo)[0])).crop(photo, 128)

    assert (crop(astronaut) - crop(astronaut.rot90(turns, (2, 3)))).abs().mean() < 0.03
