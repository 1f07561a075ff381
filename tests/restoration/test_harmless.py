"""What needs nothing comes back as it was, and what is cleaned keeps its colours: with the networks that are shipped.

Each picture is a case of real use: a green shirt that came out gray, letters that melted, a sky with a weave, a black
and white photo with coloured fringes.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.noise import GaussianNoise
from photopulse.images import write_image
from photopulse.images.arrays import from_uint8, to_array, to_uint8
from photopulse.images.gray import gray_of
from photopulse.images.resize import resized
from photopulse.metrics.psnr import psnr
from photopulse.restoration.inspect import inspect_files
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.look import look_at
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

pytestmark = pytest.mark.usefixtures("one_thread")

FOUND = RestoreSettings(only="photo")
FULL = RestoreSettings(only="photo", strength=1.0)
COLOURS = ((30, 160, 60), (230, 200, 30), (30, 60, 200), (200, 40, 160))


@pytest.fixture(scope="module")
def restored() -> Callable[[Tensor, RestoreSettings], Tensor]:
    kit = RestoreKit.load(FOUND)
    return lambda photo, settings: restore_photo(photo, settings=settings, kit=kit).image


@pytest.fixture(scope="module")
def chart() -> Tensor:
    """Four shirts, and four ribbons of 8 px below them, on black."""
    picture = np.full((240, 480, 3), 20, np.uint8)
    for place, colour in enumerate(COLOURS):
        picture[20:101, 20 + place * 115 : 101 + place * 115] = colour
        picture[130:221, 40 + place * 115 : 48 + place * 115] = colour
    return from_uint8(picture)


@pytest.fixture(scope="module")
def letters() -> Tensor:
    page = Image.new("RGB", (500, 140), "white")
    draw = ImageDraw.Draw(page)
    for line, size in enumerate((9, 11, 13, 16)):
        font = ImageFont.load_default(size)
        draw.text((8, 6 + 30 * line), "Invoice 118: total 1,380.65 due 30 June", font=font, fill="black")
    return from_uint8(np.asarray(page))


@pytest.fixture(scope="module")
def sharp() -> Tensor:
    return resized(from_uint8(data.astronaut()), 256, 256)


def _differences(true: Tensor, seen: Tensor, *, ribbons: bool) -> list[float]:
    rows = slice(150, 200) if ribbons else slice(40, 80)
    found: list[float] = []
    for place in range(len(COLOURS)):
        columns = slice(42 + place * 115, 46 + place * 115) if ribbons else slice(40 + place * 115, 80 + place * 115)
        lab = [rgb2lab(to_array(picture)[rows, columns].mean((0, 1)).reshape(1, 1, 3)) for picture in (true, seen)]
        found.append(deltaE_ciede2000(*lab).item())
    return found


def test_what_needs_nothing_is_the_same_pixel_for_pixel(
    restored: Callable[[Tensor, RestoreSettings], Tensor], chart: Tensor, letters: Tensor
):
    for picture in (chart, letters, torch.full((1, 3, 60, 90), 0.4)):
        assert np.array_equal(to_uint8(restored(picture, FOUND)), to_uint8(picture))


def test_cleaned_all_the_same_it_hardly_changes(
    restored: Callable[[Tensor, RestoreSettings], Tensor], letters: Tensor, sharp: Tensor
):
    assert psnr(restored(sharp, FULL), sharp).item() > 36
    assert psnr(restored(letters, FULL), letters).item() > 30


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 128, 128), (205, 160, 135), (90, 140, 215), (200, 30, 40)])
def test_a_flat_picture_gets_no_weave_and_no_lines_along_its_edges(
    colour: tuple[int, int, int], restored: Callable[[Tensor, RestoreSettings], Tensor]
):
    flat = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 90, 120) / 255
    assert (restored(flat, FULL) - flat).abs().max() < 1.5 / 255


def test_strong_colours_stay_in_large_and_in_thin_things(
    restored: Callable[[Tensor, RestoreSettings], Tensor], chart: Tensor
):
    made = restored(chart, FULL)
    assert max(_differences(chart, made, ribbons=False)) < 1
    assert max(_differences(chart, made, ribbons=True)) < 3


def test_noise_and_blocks_go_and_the_colours_stay(restored: Callable[[Tensor, RestoreSettings], Tensor], chart: Tensor):
    random = torch.Generator().manual_seed(0)
    damaged = Jpeg(50)(GaussianNoise(10)(chart, random).clamp(0, 1), random)
    made = restored(damaged, FOUND)
    assert psnr(made, chart).item() > psnr(damaged, chart).item() + 1
    assert max(_differences(chart, made, ribbons=False)) < 3
    assert max(_differences(chart, made, ribbons=True)) < 6


def test_a_noisy_photo_of_anything_is_cleaned(restored: Callable[[Tensor, RestoreSettings], Tensor], sharp: Tensor):
    noisy = GaussianNoise(15)(sharp, torch.Generator().manual_seed(0)).clamp(0, 1)
    assert psnr(restored(noisy, FOUND), sharp).item() > psnr(noisy, sharp).item() + 1.5


def test_black_and_white_in_three_channels_stays_black_and_white(
    restored: Callable[[Tensor, RestoreSettings], Tensor], sharp: Tensor
):
    gray = Jpeg(40)(gray_of(sharp).expand(-1, 3, -1, -1), torch.Generator().manual_seed(0))
    gray = gray_of(gray).expand(-1, 3, -1, -1)
    made = restored(gray, FULL)
    assert torch.equal(made[:, 0], made[:, 1])
    assert torch.equal(made[:, 0], made[:, 2])


def test_cut_off_and_transparent_photos_are_measured_where_they_are(
    restored: Callable[[Tensor, RestoreSettings], Tensor], tmp_path: Path
):
    sharp = from_uint8(data.astronaut())
    noisy = GaussianNoise(20)(sharp, torch.Generator().manual_seed(0)).clamp(0, 1)
    whole = look_at(noisy).noise
    stream = io.BytesIO()
    Image.fromarray(to_uint8(noisy)).save(stream, "JPEG", quality=97)
    (tmp_path / "cut.jpg").write_bytes(stream.getvalue()[: len(stream.getvalue()) * 9 // 10])
    alpha = torch.zeros(1, 1, 512, 512)
    alpha[:, :, 60:450, 60:450] = 1
    write_image(tmp_path / "rim.png", noisy, alpha=alpha)
    for name in ("cut.jpg", "rim.png"):
        photo = restore_photo(tmp_path / name, settings=FOUND)
        assert photo.damage.noise == pytest.approx(whole, rel=0.3), name
        (inspected,) = inspect_files([tmp_path / name])
        assert inspected.damage == photo.damage
        middle = (..., slice(100, 400), slice(100, 400))
        assert psnr(photo.image[middle], sharp[middle]).item() > psnr(noisy[middle], sharp[middle]).item() + 3


def test_strong_noise_goes_and_the_mean_colours_stay(restored: Callable[[Tensor, RestoreSettings], Tensor]):
    noisy = GaussianNoise(40)(torch.full((1, 3, 192, 192), 0.5), torch.Generator().manual_seed(0)).clamp(0, 1)
    made = restored(noisy, FOUND)
    assert (made.mean((2, 3)) - noisy.mean((2, 3))).abs().max() < 0.5 / 255
    assert made.std() < noisy.std() / 4
