"""Screens are found where a photo was printed, and nowhere else; without them it is nearer to what it was."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from photopulse.degrade.prints import screened
from photopulse.images.arrays import from_uint8, to_array, to_uint8
from photopulse.images.gray import gray_of
from photopulse.restoration.halftone import without_screens
from photopulse.restoration.screens import Screen, find_screens

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """The astronaut's face, and what is beside it."""
    return from_uint8(np.ascontiguousarray(data.astronaut()[:224, 100:324]))


def scanned(photo: Tensor, **screen) -> Tensor:
    return from_uint8(to_uint8(screened(photo, **screen)))


def luma(photo: Tensor) -> np.ndarray:
    return to_array(gray_of(photo).expand(1, 3, -1, -1))[..., 0] * 255


def psnr(one: Tensor, other: Tensor) -> float:
    return -10 * (one - other).square().mean().log10().item()


def blurred(photo: Tensor, deviation: float) -> Tensor:
    return torch.from_numpy(cv2.GaussianBlur(to_array(photo), (0, 0), deviation)).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("dpi", "lines", "angle"), [(300, 45, 45), (300, 60, 30), (300, 85, 45), (200, 85, 60)])
def test_a_screen_is_found_and_taken_out_better_than_by_any_blur(dpi, lines, angle, photo):
    true = gray_of(photo).expand(1, 3, -1, -1)
    printed = scanned(photo, period=dpi / lines, angle=angle)
    screens = find_screens(luma(printed))
    assert screens[0].period == pytest.approx(dpi / lines, rel=0.05)
    assert screens[0].angle % 90 == pytest.approx(angle, abs=3)
    clean = without_screens(printed, screens)
    best = max(psnr(blurred(printed, share * dpi / lines), true) for share in (0.25, 0.35, 0.5, 0.7))
    assert psnr(clean, true) > max(best, psnr(printed, true) + 12)
    assert torch.equal(clean[:, 0], clean[:, 2])


def test_the_rosette_of_coloured_inks_is_taken_out(photo):
    printed = scanned(photo, period=5, colour=True)
    screens = find_screens(luma(printed))
    assert psnr(without_screens(printed, screens), photo) > psnr(printed, photo) + 12


def test_a_screen_of_lines_is_taken_out(photo):
    printed = scanned(photo, period=5, angle=20, lines=True)
    (screen,) = find_screens(luma(printed))
    assert screen.lines
    true = gray_of(photo).expand(1, 3, -1, -1)
    assert psnr(without_screens(printed, [screen]), true) > psnr(printed, true) + 12


@pytest.mark.parametrize("name", ["astronaut", "coffee", "brick", "grass", "gravel", "page", "text", "coins", "rocket"])
def test_photos_textures_and_letters_have_no_screen(name):
    picture = getattr(data, name)().astype(np.float32)
    assert find_screens(picture if picture.ndim == 2 else picture.mean(2)) == ()


def test_weave_fences_windows_and_blocks_have_no_screen():
    y, x = np.mgrid[:512, :256].astype(np.float32)
    weave = 128 + 40 * np.sin(2 * np.pi * x / 5) * np.sin(2 * np.pi * y / 5)
    # A fence across a part of a lawn.
    fence = 120 + 8 * np.random.default_rng(2).standard_normal((512, 256)).astype(np.float32)
    fence[200:310] += 60 * np.sign(np.sin(2 * np.pi * (x + 0.3 * y) / 6))[200:310]
    windows = 100 + 80 * ((x % 12 < 7) & (y % 16 < 9))
    blocks = np.kron(np.random.default_rng(0).integers(90, 160, (64, 32)), np.ones((8, 8))).astype(np.float32)
    noise = 128 + 20 * np.random.default_rng(1).standard_normal((256, 256)).astype(np.float32)
    for picture in (fence, windows.astype(np.float32), blocks, noise):
        assert find_screens(picture) == ()
    # What is woven along the diagonals over the whole picture, and nothing else, is what a screen is.
    assert find_screens(weave) != ()


def test_a_part_without_dots_hardly_changes(photo):
    half = photo.clone()
    half[..., 112:] = scanned(photo, period=4)[..., 112:]
    clean = without_screens(half, [Screen(period=4, angle=45, lines=False, strength=4)])
    assert psnr(clean[..., 16:80], photo[..., 16:80]) > 39
    assert psnr(clean[..., 144:], photo[..., 144:]) > psnr(half[..., 144:], photo[..., 144:]) + 5


def test_no_screen_changes_nothing_and_small_pictures_have_none(photo):
    assert without_screens(photo, ()) is photo
    assert find_screens(np.zeros((40, 200), np.float32)) == ()
    for shape in ((1, 3, 5, 90), (1, 3, 70, 33)):
        assert without_screens(torch.rand(shape), [Screen(period=4, angle=45, lines=False, strength=5)]).shape == shape
