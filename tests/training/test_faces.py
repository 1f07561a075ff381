from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data

from photopulse.errors import PhotopulseError
from photopulse.faces.align import align_faces
from photopulse.faces.detect import FaceDetector
from photopulse.images import from_uint8, write_image
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace, find_meshes, random_crop

UNCOLOURED = CropSettings(gain=0, gamma=0, gray=0)
# The whole file, upright, at half of 256 px.
PLAIN = CropSettings(
    least_square=1, most_square=1, middle=0.5, height_at_one=0.5, scatter=(0, 0), turn=0, gain=0, gamma=0, gray=0
)


def _spot(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The centre of mass (x, y) of what is bright."""
    bright = crop.astype(np.float64).mean(axis=2)
    bright[bright < 20] = 0
    y, x = np.indices(bright.shape)
    return np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.35, 0.52), (0.6, 0.45)])
def test_points_follow_the_pixels_through_turns_shifts_and_mirroring(dotted: Any, place: tuple[float, float]):
    face = dotted(*place)
    sides: set[bool] = set()
    for seed in range(8):
        crop, points, mirrored = random_crop(face, UNCOLOURED, np.random.default_rng(seed))
        assert crop.shape == (128, 128, 3)
        np.testing.assert_allclose(points[0], _spot(crop), atol=0.1)
        sides.add(mirrored)
    assert sides == {True, False}


def test_points_lie_alike_whatever_the_size_of_the_file(dotted: Any):
    small, large = dotted(0.4, 0.45), dotted(0.4, 0.45, 512)
    for face in (small, large):
        crop, points, _ = random_crop(face, UNCOLOURED, np.random.default_rng(5))
        np.testing.assert_allclose(points[0], _spot(crop), atol=0.1)


def test_the_crop_of_the_whole_square_is_its_mean_over_two_by_two_pixels(pictures: list[Path], mesh: Any):
    seeds = {bool(np.random.default_rng(seed).random() < 0.5): seed for seed in range(8)}
    pixels = np.asarray(Image.open(pictures[3])).astype(np.float64)
    expected = pixels.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    face = TrainingFace(file=pictures[3], points=mesh)
    crop, points, mirrored = random_crop(face, PLAIN, np.random.default_rng(seeds[False]))
    assert not mirrored
    assert abs(crop - expected).max() <= 1
    np.testing.assert_allclose(points, mesh * 128 - 0.5)
    crop, points, mirrored = random_crop(face, PLAIN, np.random.default_rng(seeds[True]))
    assert mirrored
    assert abs(crop - expected[:, ::-1]).max() <= 1
    np.testing.assert_allclose(points[:, 0], 127.5 - mesh[:, 0] * 128)


def test_squares_have_the_sides_and_places_that_are_asked_for(mesh: Any, pictures: list[Path]):
    corners = np.tile([(0.0, 0.0), (1.0, 0.0)], (234, 1))
    face = TrainingFace(file=pictures[0], points=corners)
    settings = CropSettings(scatter=(0, 0))
    sides, middles = [], []
    for seed in range(60):
        _, points, mirrored = random_crop(face, settings, np.random.default_rng(seed))
        points = (points + 0.5) / 128
        if mirrored:
            points = points * (-1, 1) + (1, 0)
        along = points[1] - points[0]
        sides.append(np.hypot(*along))
        middles.append((points[0] + points[1]) / 2 + (-along[1] / 2, along[0] / 2))
    assert 0.95 <= min(sides) < 1.0
    assert 1.6 < max(sides) <= 1.65
    np.testing.assert_allclose(np.array(middles)[:, 0], 0.49)
    np.testing.assert_allclose(np.array(middles)[:, 1], 0.43 - 0.275 * (np.array(sides) - 1))


def test_colours_change_by_a_gain_and_a_gamma_and_sometimes_vanish(tmp_path: Path, mesh: Any):
    colour = np.array([60, 120, 180])
    file = tmp_path / "plain.png"
    Image.fromarray(np.broadcast_to(colour.astype(np.uint8), (256, 256, 3)).copy()).save(file)
    face = TrainingFace(file=file, points=mesh)
    grays, gammas = 0, []
    for seed in range(60):
        crop, _, _ = random_crop(face, CropSettings(gain=0, gray=0.3), np.random.default_rng(seed))
        assert (crop == crop[0, 0]).all()
        grays += bool(crop[0, 0, 0] == crop[0, 0, 2])
        if crop[0, 0, 0] != crop[0, 0, 2]:
            exponents = np.log(crop[0, 0] / 255) / np.log(colour / 255)
            assert np.ptp(exponents) < 0.03
            gammas.append(float(np.log(exponents.mean())))
    assert 8 <= grays <= 30
    assert 0.1 < np.std(gammas) < 0.22


def test_the_same_seed_gives_the_same_crop(faces: list[TrainingFace]):
    first, second, other = (random_crop(faces[1], CropSettings(), np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert (first[0] == second[0]).all()
    assert (first[1] == second[1]).all()
    assert (first[0] != other[0]).any()


def test_meshes_are_found_as_fractions_of_the_side_and_none_without_a_face(
    detector: Any, pictures: list[Path], tmp_path: Path
):
    black, large = tmp_path / "black.png", tmp_path / "large.png"
    Image.new("RGB", (256, 256)).save(black)
    Image.new("RGB", (512, 512), "white").save(large)
    first, none, second = find_meshes([pictures[0], black, large], tmp_path / "cache.npz")
    assert none is None
    assert first is not None
    assert second is not None
    assert (first.file, second.file) == (pictures[0], large)
    for face in (first, second):
        np.testing.assert_allclose(face.points, detector.points, atol=1e-6)


def test_each_file_is_looked_at_once_and_again_when_it_has_changed(detector: Any, pictures: list[Path], tmp_path: Path):
    cache = tmp_path / "meshes.npz"
    changing = tmp_path / "face.png"
    Image.new("RGB", (256, 256), "white").save(changing)
    assert len(list(find_meshes([*pictures[:3], changing, pictures[0]], cache))) == 5
    assert detector.seen == 4
    kept = list(find_meshes([changing, *pictures[:4]], cache))
    assert detector.seen == 5
    np.testing.assert_array_equal(kept[0].points, detector.points)
    Image.new("RGB", (300, 300), "red").save(changing)
    list(find_meshes([changing], cache))
    assert detector.seen == 6


def test_an_interruption_keeps_what_was_found(detector: Any, pictures: list[Path], tmp_path: Path):
    cache = tmp_path / "meshes.npz"
    search = find_meshes(pictures, cache)
    next(search), next(search)
    search.close()  # pyright: ignore[reportAttributeAccessIssue]
    list(find_meshes(pictures[:2], cache))
    assert detector.seen == 2


def test_a_damaged_cache_is_made_anew(detector: Any, pictures: list[Path], tmp_path: Path):
    cache = tmp_path / "meshes.npz"
    list(find_meshes(pictures[:1], cache))
    cache.write_bytes(cache.read_bytes()[:200])
    list(find_meshes(pictures[:1], cache))
    list(find_meshes(pictures[:1], cache))
    assert detector.seen == 2


@pytest.mark.parametrize("size", [(256, 300), (128, 128)])
def test_pictures_that_are_no_aligned_faces_are_refused(detector: Any, tmp_path: Path, size: tuple[int, int]):
    file = tmp_path / "photo.png"
    Image.new("RGB", size, "white").save(file)
    with pytest.raises(PhotopulseError, match=rf"photo\.png: it has {size[0]} x {size[1]} pixels.*photopulse align"):
        list(find_meshes([file], tmp_path / "meshes.npz"))


def test_a_missing_file_is_named(detector: Any, tmp_path: Path):
    with pytest.raises(PhotopulseError, match=r"cannot read .*gone\.png"):
        list(find_meshes([tmp_path / "gone.png"], tmp_path / "meshes.npz"))


def test_the_affine_map_agrees_with_opencv_for_a_turned_square(mesh: Any, pictures: list[Path]):
    face = TrainingFace(file=pictures[2], points=mesh)
    settings = CropSettings(gain=0, gamma=0, gray=0, turn=20)
    crop, points, mirrored = random_crop(face, settings, np.random.default_rng(1))
    upright = crop[:, ::-1] if mirrored else crop
    seen = points * (-1, 1) + (127, 0) if mirrored else points
    # From three mesh points here and there, the crop can be read out of the file directly.
    source = (mesh[[10, 152, 234]] * 256 - 0.5).astype(np.float32)
    matrix = cv2.getAffineTransform(source, seen[[10, 152, 234]].astype(np.float32))
    pixels = np.asarray(Image.open(pictures[2]))
    direct = cv2.warpAffine(pixels, matrix, (128, 128), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)
    assert abs(upright[20:100, 20:100].astype(float) - direct[20:100, 20:100]).max() < 4


@pytest.mark.weights
def test_the_real_detector_finds_the_known_mesh(face_weights: None, mesh: Any, tmp_path: Path):
    photo = from_uint8(data.astronaut())
    write_image(tmp_path / "face.png", align_faces(photo, FaceDetector.load(), size=256)[0].image)
    (face,) = find_meshes([tmp_path / "face.png"], tmp_path / "meshes.npz")
    assert face is not None
    assert abs(face.points - mesh).max() < 2 / 256
