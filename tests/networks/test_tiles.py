import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from photopulse.networks.tiles import in_tiles


def _blur_and_enlarge(image: Tensor) -> Tensor:
    """Sees two pixels around each pixel and enlarges by 3."""
    kernel = torch.arange(25, dtype=image.dtype).reshape(1, 1, 5, 5).expand(3, 1, 5, 5)
    return F.interpolate(F.conv2d(image, kernel, padding=2, groups=3), scale_factor=3, mode="nearest")


def _picture(height: int, width: int) -> Tensor:
    return torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@settings(max_examples=60)
@given(height=st.integers(1, 40), width=st.integers(1, 40), tile=st.integers(5, 45), overlap=st.integers(2, 6))
def test_tiles_are_exact_where_the_context_covers_what_the_call_sees(height: int, width: int, tile: int, overlap: int):
    tile = max(tile, 2 * overlap + 1)
    image = _picture(height, width)
    sides: list[int] = []

    def call(part: Tensor) -> Tensor:
        sides.extend(part.shape[2:])
        return _blur_and_enlarge(part)

    torch.testing.assert_close(in_tiles(call, image, tile=tile, overlap=overlap), _blur_and_enlarge(image))
    assert max(sides) <= tile


def test_too_little_context_shows_at_the_seams_only():
    image = _picture(20, 20)
    error = (in_tiles(_blur_and_enlarge, image, tile=11, overlap=1) - _blur_and_enlarge(image)).abs().amax((0, 1))
    # Two tiles of 11 pixels share the rows 9 and 10 and meet at 10; the blur reaches one pixel too far on each side.
    seams = torch.zeros(60, dtype=torch.bool)
    seams[27:33] = True
    assert torch.equal(error > 1e-9, seams[:, None] | seams[None])


def test_a_small_picture_is_one_tile():
    image, seen = _picture(7, 9), list[Tensor]()
    in_tiles(lambda part: seen.append(part) or part, image, tile=9, overlap=4)
    assert len(seen) == 1
    assert torch.equal(seen[0], image)


def test_neighbours_share_no_more_than_their_context():
    image, seen = _picture(20, 20), list[Tensor]()
    in_tiles(lambda part: seen.append(part) or part, image, tile=16, overlap=2)
    assert [part.shape[2:] for part in seen] == [(12, 12)] * 4


def test_tiles_without_context_do_not_overlap():
    image, seen = _picture(8, 12), list[Tensor]()
    result = in_tiles(lambda part: seen.append(part) or part, image, tile=4, overlap=0)
    assert [part.shape[2:] for part in seen] == [(4, 4)] * 6
    assert torch.equal(result, image)


@pytest.mark.parametrize(("tile", "overlap"), [(8, 4), (0, 0), (8, -1)])
def test_a_tile_without_a_middle_is_refused(tile: int, overlap: int):
    with pytest.raises(ValueError, match="no middle"):
        in_tiles(lambda part: part, _picture(8, 8), tile=tile, overlap=overlap)


def test_a_call_that_does_not_enlarge_by_an_integer_is_refused():
    with pytest.raises(ValueError, match="8 x 8 pixels became 12 x 12"):
        in_tiles(lambda part: F.interpolate(part, scale_factor=1.5), _picture(8, 8), tile=8, overlap=0)
    with pytest.raises(ValueError, match="8 x 8 pixels became 4 x 4"):
        in_tiles(lambda part: F.avg_pool2d(part, 2), _picture(8, 8), tile=8, overlap=0)
