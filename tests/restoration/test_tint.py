import numpy as np
import pytest
import torch
from skimage import data

from photopulse.degrade.jpeg import Jpeg
from photopulse.images.arrays import from_uint8
from photopulse.images.gray import gray_of
from photopulse.restoration.tint import find_tint

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return from_uint8(np.ascontiguousarray(data.astronaut()[:256, :256]))


def _sepia(photo: torch.Tensor) -> torch.Tensor:
    gray = gray_of(photo)
    return torch.cat([gray**0.8, gray, gray**1.3], dim=1)


def test_a_photo_of_many_colours_has_no_tint(photo: torch.Tensor):
    assert find_tint(photo) is None


def test_one_small_thing_of_another_colour_is_no_tint(photo: torch.Tensor):
    red = _sepia(photo)
    red[:, :, 20:34, 20:34] = torch.tensor([0.8, 0.1, 0.1]).view(1, 3, 1, 1)
    assert find_tint(red) is None


@pytest.mark.parametrize("quality", [None, 70])
def test_sepia_has_one_also_after_compression(quality: int | None, photo: torch.Tensor):
    sepia = _sepia(photo)
    given = sepia if quality is None else Jpeg(quality)(sepia, torch.Generator().manual_seed(0))
    tint = find_tint(given)
    assert tint is not None
    assert (tint.of(photo) - _sepia(photo)).abs().mean() < 0.02


def test_gray_in_three_channels_comes_out_gray(photo: torch.Tensor):
    tint = find_tint(gray_of(photo).expand(-1, 3, -1, -1))
    assert tint is not None
    made = tint.of(photo)
    torch.testing.assert_close(made[:, 0], made[:, 2], atol=1e-5, rtol=0)
    torch.testing.assert_close(gray_of(made), gray_of(photo), atol=1e-4, rtol=0)


def test_a_drawing_of_a_few_colours_has_no_tint():
    drawing = torch.full((1, 3, 60, 60), 0.1)
    drawing[:, 0, :20] = 0.7
    drawing[:, 2, 40:] = 0.9
    assert find_tint(drawing) is None
