import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from skimage.color import rgb2lab

from photopulse.degrade import Bicubic, Box
from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.skin_tone import (
    SKIN_POLYGONS,
    TONE_GROUPS,
    SkinTone,
    mean_skin_tone,
    skin_coverage,
    skin_tone,
    to_lab,
    tone_group,
)
from photopulse.images import from_uint8


def boxes_mesh(side=64):
    """A mesh whose forehead is a bar and whose cheeks are squares: each polygon runs around a rectangle."""
    rectangles = ((16, 12, 47, 23), (12, 32, 27, 43), (36, 32, 51, 43))  # left, top, right, bottom of 64 px
    points = np.zeros((468, 3))
    for corners, (left, top, right, bottom) in zip(SKIN_POLYGONS, rectangles, strict=True):
        turn = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
        for i, corner in enumerate(corners):
            points[corner, :2] = turn[min(i, 3)]
    points[:, :2] = (points[:, :2] + 0.5) * side / 64 - 0.5
    return FaceMesh(points=points, presence=1.0)


def flat(colour, side=64):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, side, side).clone()


def test_lab_agrees_with_scikit_image():
    colours = np.random.default_rng(0).random((500, 3))
    colours[:2] = [(0, 0, 0), (1, 1, 1)]
    colours[2:50] *= 0.03
    np.testing.assert_allclose(to_lab(colours), rgb2lab(colours), atol=0.005)


@pytest.mark.parametrize(
    ("lightness", "b", "angle"),
    [
        (60, 10, 45),  # Hand-worked: atan(10 / 10).
        (50, 20, 0),
        (50 + 10 * math.sqrt(3), 10, 60),
        (40, 10 * math.sqrt(3), -30),
        (70, 0, 90),
        (60, -10, 135),
    ],
)
def test_the_angle_is_that_of_the_definition(lightness, b, angle):
    assert SkinTone(lightness=lightness, a=12, b=b).ita == pytest.approx(angle)


def test_chroma_is_the_distance_from_grey():
    assert SkinTone(lightness=50, a=3, b=4).chroma == 5


@pytest.mark.parametrize(
    ("angle", "group"),
    [
        (90, "very light"),
        (55.1, "very light"),
        (55, "light"),
        (41.5, "light"),
        (41, "intermediate"),
        (28.5, "intermediate"),
        (28, "tan"),
        (10.5, "tan"),
        (10, "brown"),
        (-29.9, "brown"),
        (-30, "dark"),
        (-90, "dark"),
    ],
)
def test_groups_are_those_of_the_literature(angle, group):
    assert tone_group(angle) == group


@given(st.floats(-180, 180), st.floats(-180, 180))
def test_a_larger_angle_is_never_a_darker_group(one, other):
    low, high = sorted((one, other))
    assert TONE_GROUPS.index(tone_group(high)) <= TONE_GROUPS.index(tone_group(low))


@settings(max_examples=20)
@given(st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_a_flat_face_has_its_own_colour_at_every_size(colour):
    mesh = boxes_mesh()
    lab = rgb2lab(np.array(colour, dtype=np.float64)[None, None])[0, 0]
    coverage = skin_coverage(mesh, picture_side=64, side=16)
    for tone in (skin_tone(flat(colour), mesh), mean_skin_tone(flat(colour, 16), coverage)):
        np.testing.assert_allclose((tone.lightness, tone.a, tone.b), lab, atol=0.01)


def test_only_cheeks_and_forehead_count():
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for left, top, right, bottom in ((16, 12, 47, 23), (12, 32, 27, 43), (36, 32, 51, 43)):
        image[..., top : bottom + 1, left : right + 1] = flat((0.8, 0.6, 0.5), 1)
    expected = rgb2lab(np.array([[[0.8, 0.6, 0.5]]]))[0, 0]
    tone = skin_tone(image, boxes_mesh())
    np.testing.assert_allclose((tone.lightness, tone.a, tone.b), expected, atol=0.01)


def test_a_fringe_shine_and_frames_do_not_change_the_tone():
    random = torch.Generator().manual_seed(1)
    skin = flat((0.8, 0.6, 0.5)) + 0.02 * torch.randn(1, 3, 64, 64, generator=random)
    disturbed = skin.clone()
    disturbed[..., 12:20, :] = flat((0.15, 0.1, 0.08), 1)  # Hair over two thirds of the forehead.
    disturbed[..., 32:34, :] = 0.02
    disturbed[..., 36:38, 14:20] = 1
    plain, found = skin_tone(skin, boxes_mesh()), skin_tone(disturbed, boxes_mesh())
    assert found.ita == pytest.approx(plain.ita, abs=0.5)
    assert mean_skin_tone(disturbed, skin_coverage(boxes_mesh(), picture_side=64, side=64)).ita < plain.ita - 5


def test_coverage_is_the_part_of_each_pixel_that_is_skin():
    coverage = skin_coverage(boxes_mesh(1024), picture_side=1024, side=16)
    # The bar from 16 to 47 of 64 px covers pixels 4..11 of 16, of which the outermost for 0.5 / 4 less at its rim.
    inside = coverage[3:6, 4:12]
    assert inside[1, 1:-1].min() == 1
    assert inside[0].max() == pytest.approx(0.875, abs=0.02)
    assert coverage[0].max() == coverage[:, 0].max() == 0
    area = 31 * 11 + 2 * 15 * 11
    assert coverage.sum() == pytest.approx(area / 16, rel=0.02)


def test_coverage_does_not_depend_on_the_size_of_the_sharp_picture():
    small = skin_coverage(boxes_mesh(64), picture_side=64, side=16)
    np.testing.assert_allclose(small, skin_coverage(boxes_mesh(512), picture_side=512, side=16), atol=0.02)


def test_the_mean_colour_outlives_downscaling():
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 0.4 + 0.3
    mesh = boxes_mesh()
    whole = np.ones((64, 64))
    assert mean_skin_tone(Box(4)(image), np.ones((16, 16))).ita == pytest.approx(
        mean_skin_tone(image, whole).ita, abs=1e-3
    )
    small = skin_coverage(mesh, picture_side=64, side=16)
    large = skin_coverage(mesh, picture_side=64, side=64)
    assert mean_skin_tone(Bicubic(4)(image), small).lightness == pytest.approx(
        mean_skin_tone(image, large).lightness, abs=1
    )


def test_a_lighter_copy_has_a_larger_angle():
    dark, light = (skin_tone(flat((0.5, 0.35, 0.28)) * scale, boxes_mesh()).ita for scale in (0.9, 1.3))
    assert dark < light


def test_a_face_outside_of_the_picture_is_refused():
    mesh = FaceMesh(points=boxes_mesh().points - 500, presence=1.0)
    with pytest.raises(PhotopulseError, match="outside of the picture"):
        skin_tone(flat((0.8, 0.6, 0.5)), mesh)
    with pytest.raises(PhotopulseError, match="no pixel"):
        mean_skin_tone(flat((0.8, 0.6, 0.5), 16), np.zeros((16, 16)))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"1, 3, H, W"):
        skin_tone(torch.zeros(3, 64, 64), boxes_mesh())
    with pytest.raises(ValueError, match="coverage"):
        mean_skin_tone(flat((0.8, 0.6, 0.5), 16), np.ones((8, 8)))


@pytest.fixture(scope="session")
def astronaut_mesh(face_weights):
    detector = FaceDetector.load()
    photo = from_uint8(data.astronaut())
    return photo, detector.mesher.face_mesh(photo, detector.detect(photo)[0])


@pytest.mark.weights
def test_the_skin_of_a_face_is_the_colour_of_its_cheeks(astronaut_mesh):
    photo, mesh = astronaut_mesh
    # Two patches of bare cheek and one of forehead, picked by eye.
    patches = [data.astronaut()[y : y + 8, x : x + 8] for x, y in ((200, 120), (242, 122), (222, 82))]
    expected = np.median([np.median(rgb2lab(patch).reshape(-1, 3), axis=0) for patch in patches], axis=0)
    tone = skin_tone(photo, mesh)
    np.testing.assert_allclose((tone.lightness, tone.a, tone.b), expected, atol=5)


@pytest.mark.weights
def test_the_skin_leaves_out_eyes_brows_nostrils_and_mouth(astronaut_mesh):
    photo, mesh = astronaut_mesh
    side = photo.shape[-1]
    coverage = skin_coverage(mesh, picture_side=side, side=side)
    assert coverage.sum() > 500
    for point in (1, 13, 14, 33, 133, 159, 145, 263, 362, 52, 282, 2, 61, 291, 152):
        x, y = np.round(mesh.points[point, :2]).astype(int)
        assert coverage[y - 1 : y + 2, x - 1 : x + 2].max() == 0
