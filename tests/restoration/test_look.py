"""What a look finds is compared with damage that was done on purpose."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from skimage import data
from torch import Tensor

from photopulse.degrade.blur import GaussianBlur
from photopulse.degrade.jpeg import Jpeg
from photopulse.images.arrays import from_uint8
from photopulse.images.resize import resized
from photopulse.restoration.look import look_at

pytestmark = pytest.mark.usefixtures("one_thread")


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def sharp() -> Tensor:
    """The astronaut at half the size: no block of her file and no blur of her camera is left."""
    return resized(from_uint8(data.astronaut()), 256, 256)


@pytest.fixture(scope="module")
def letters() -> Tensor:
    page = Image.new("RGB", (500, 140), "white")
    draw = ImageDraw.Draw(page)
    for line, size in enumerate((9, 11, 13, 16)):
        font = ImageFont.load_default(size)
        draw.text((8, 6 + 30 * line), "Invoice 118: total 1,380.65 due 30 June", font=font, fill="black")
    return from_uint8(np.asarray(page))


def test_sharp_pictures_letters_and_flat_areas_need_nothing(sharp: Tensor, letters: Tensor):
    flat = torch.tensor([0.3, 0.6, 0.2]).view(1, 3, 1, 1).expand(1, 3, 100, 80)
    assert look_at(sharp).strength < 0.3
    assert look_at(letters).strength == 0
    assert look_at(flat).strength == 0
    assert look_at(flat).blur is None


@pytest.mark.parametrize("deviation", [3, 6, 12, 24])
def test_gray_noise_is_measured(deviation: float, sharp: Tensor):
    grain = torch.randn(1, 1, 256, 256, generator=_random()) * deviation / 255
    # Half of the contrast, so that nothing is clipped.
    found = look_at(0.25 + sharp / 2 + grain).noise
    assert found == pytest.approx(deviation, rel=0.25)


@pytest.mark.parametrize("quality", [90, 75, 60, 40, 25])
def test_the_quality_of_a_jpeg_is_told_from_its_pixels(quality: int, sharp: Tensor):
    assert look_at(Jpeg(quality)(sharp, _random())).jpeg_quality == pytest.approx(quality, abs=12)


@pytest.mark.parametrize("deviation", [0.8, 1.0, 1.4])
def test_blur_is_measured_in_pixels(deviation: float, sharp: Tensor):
    assert look_at(GaussianBlur(deviation)(sharp, _random())).blur == pytest.approx(deviation, rel=0.25)


def test_a_picture_that_was_enlarged_is_blurred(sharp: Tensor):
    assert look_at(resized(sharp, 512, 512)).strength == 1


def test_pictures_of_a_few_pixels_are_looked_at_too():
    for size in ((1, 1), (1, 40), (9, 2), (17, 8)):
        assert 0 <= look_at(torch.rand(1, 3, *size, generator=_random())).strength <= 1
