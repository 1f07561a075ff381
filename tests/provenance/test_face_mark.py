"""The mark of one face within a larger picture: where it is, and that it is found there."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from photopulse.images import from_uint8, to_uint8
from photopulse.provenance.code import encode
from photopulse.provenance.embed import LEAST_FACE_SIDE, mark_face
from photopulse.provenance.face import FACE_THRESHOLD, MOST_FACES, find_face_mark
from photopulse.provenance.find import THRESHOLD, Square, find_mark
from photopulse.provenance.pattern import TILE, pattern, tile
from photopulse.provenance.payload import payload_of

PAYLOAD = payload_of("restore", generator="abc", seed=0)


def a_photo(height=640, width=760, seed=0):
    """Structures of all sizes, as in a photo: the power falls with the square of the frequency."""
    random = np.random.default_rng(seed)
    layers = [gaussian_filter(random.normal(size=(height, width, 3)), (s, s, 0)) * s**1.5 for s in (1, 2, 4, 8, 16, 32)]
    photo = sum(layers)
    photo = 0.5 + 0.15 * photo / photo.std()
    return torch.from_numpy(photo.clip(0.05, 0.95).transpose(2, 0, 1)).float()[None]


def marked(photo, square, hole=None):
    """Marks a disk around a face, as wide as its square; a hole is left out."""
    reach = round(square.side / 2)
    top, left = round(square.y) - reach, round(square.x) - reach
    rows, columns = np.mgrid[-reach:reach, -reach:reach]
    weight = (np.hypot(rows, columns) < reach).astype(np.float32)
    out = photo.clone()
    window = slice(top, top + 2 * reach), slice(left, left + 2 * reach)
    mark_face(out, window, torch.from_numpy(weight)[None, None], square.side, PAYLOAD)
    return out


def written(photo, quality=None, share=1.0):
    picture = Image.fromarray(to_uint8(photo))
    size = round(picture.width * share), round(picture.height * share)
    picture = picture.resize(size, Image.Resampling.LANCZOS) if share < 1 else picture
    if quality is None:
        return from_uint8(np.array(picture))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return from_uint8(np.array(Image.open(stream)))


def test_the_pattern_of_the_tiles_period_is_the_tile():
    chips = encode(PAYLOAD.number)
    np.testing.assert_allclose(pattern(TILE, 40, TILE, chips), tile(chips)[:, :40], atol=2e-3)


@pytest.mark.parametrize(
    ("side", "quality", "share"),
    [(140, None, 1), (200, 75, 1), (300, 75, 1), (300, None, 0.5), (560, 75, 1), (560, None, 0.5)],
)
def test_the_mark_of_a_face_is_found_in_the_whole_photo(side, quality, share):
    # The face is measured anew, so its square is a little off.
    square = Square(x=371.3, y=322.8, side=side)
    seen = written(marked(a_photo(), square), quality, share)
    guess = Square(x=(square.x + 3) * share, y=(square.y - 2) * share, side=1.012 * square.side * share)
    mark = find_face_mark(seen, [Square(x=90, y=90, side=100), guess])
    assert mark.is_marked
    assert (mark.payload, mark.face) == (PAYLOAD, guess)
    assert mark.score > FACE_THRESHOLD


def test_a_mirrored_photo_keeps_it():
    square = Square(x=300, y=320, side=320)
    seen = marked(a_photo(), square).flip(3)
    assert find_face_mark(seen, [Square(x=759 - 300, y=320, side=320)]).payload == PAYLOAD


def test_it_is_not_found_beside_the_face_nor_as_that_of_a_whole_picture():
    photo = marked(a_photo(), Square(x=200, y=320, side=300))
    assert not find_face_mark(photo, [Square(x=560, y=320, side=300)]).is_marked
    assert not find_mark(photo, thorough=False).is_marked


@pytest.mark.parametrize("side", [150, 400])
def test_it_changes_the_face_alone_and_by_less_than_can_be_seen(side):
    photo = a_photo()
    square = Square(x=380, y=320, side=side)
    error = (marked(photo, square) - photo)[0]
    rows, columns = np.mgrid[:640, :760]
    assert error[:, np.hypot(rows - 320, columns - 380) > side / 2 + 1].abs().max() == 0
    inside = error[:, np.hypot(rows - 320, columns - 380) < side / 2 - 1]
    assert -10 * math.log10(inside.square().mean().item()) > 42.5
    assert inside.abs().max() * 255 < 11
    # Grey stays grey.
    assert (error[0] - error[2]).abs().max() < 1e-6


def test_it_is_faintest_where_nothing_hides_it():
    flat = torch.full((1, 3, 400, 400), 0.5)
    error = (marked(flat, Square(x=200, y=200, side=300)) - flat)[0, 0, 120:280, 120:280]
    assert error.square().mean().sqrt().item() * 255 == pytest.approx(0.35, rel=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_an_unmarked_face_is_not_marked(seed):
    photo = a_photo(400, 400, seed=seed)
    mark = find_face_mark(photo, [Square(x=200, y=200, side=side) for side in (300, 180)])
    assert (mark.is_marked, mark.payload, mark.face) == (False, None, None)
    assert mark.score < FACE_THRESHOLD


@pytest.mark.parametrize(
    "face",
    [
        Square(x=0, y=0, side=LEAST_FACE_SIDE / 2 - 1),
        Square(x=math.nan, y=0, side=200),
        Square(x=0, y=math.inf, side=200),
        Square(x=0, y=0, side=math.nan),
    ],
)
def test_places_that_are_no_faces_are_passed_over(face):
    assert find_face_mark(a_photo(200, 200), [face]) is None


@pytest.mark.parametrize(
    "face", [Square(x=-500, y=20, side=200), Square(x=1e9, y=0, side=200), Square(x=0, y=0, side=900)]
)
def test_faces_beyond_the_picture_are_not_marked(face):
    assert not find_face_mark(a_photo(200, 200), [face]).is_marked


def test_no_more_faces_are_searched_than_the_threshold_allows():
    square = Square(x=300, y=320, side=320)
    photo = marked(a_photo(), square)
    elsewhere = Square(x=1e6, y=0, side=100)
    assert not find_face_mark(photo, [elsewhere] * MOST_FACES + [square]).is_marked
    assert FACE_THRESHOLD > THRESHOLD
