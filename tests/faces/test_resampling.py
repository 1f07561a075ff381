import math

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from photopulse.faces.resampling import bounds, read_affine


def turn(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


def noise(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def ramp(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x / width, y / height, (x + y) / (width + height)])[None].float()


@pytest.mark.parametrize("scale", [0.13, 0.7, 1.0, 1.3, 2.4, 4.0, 7.7])
@pytest.mark.parametrize("degrees", [0.0, 33.0, -171.0])
def test_a_ramp_is_read_exactly_where_the_map_says(scale: float, degrees: float):
    matrix = turn(degrees, scale, (203.3, 147.6))
    result = read_affine(ramp(320, 400), matrix, (12, 14), beyond="reflection")
    y, x = np.mgrid[:12, :14]
    there_x, there_y = matrix @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    expected = np.stack([there_x / 400, there_y / 320, (there_x + there_y) / 720]).reshape(1, 3, 12, 14)
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5)


def test_enlarging_agrees_with_pillow_which_has_the_same_cubic():
    photo = noise(30, 40)
    result = read_affine(photo, turn(0, 0.25, (-0.375, -0.375)), (120, 160), beyond="reflection")
    plane = Image.fromarray(photo[0, 1].numpy()).resize((160, 120), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(result[0, 1, 8:-8, 8:-8].numpy(), np.asarray(plane)[8:-8, 8:-8], atol=1e-4)


def test_a_turned_reading_agrees_with_opencv_up_to_its_other_cubic_and_rounding():
    pixels = np.random.default_rng(0).random((120, 160, 3), np.float32)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 3)
    matrix = turn(21, 0.3, (60, 40))
    expected = cv2.warpAffine(pixels, matrix, (60, 50), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    result = read_affine(torch.from_numpy(pixels).permute(2, 0, 1)[None], matrix, (50, 60), beyond="reflection")
    np.testing.assert_allclose(result[0].permute(1, 2, 0).numpy(), expected, atol=0.004)


@pytest.mark.parametrize("factor", [2, 3])
def test_shrinking_by_a_whole_number_agrees_with_pillow(factor: int):
    photo = noise(60, 90)
    middle = (factor - 1) / 2
    shape = (60 // factor, 90 // factor)
    result = read_affine(photo, turn(0, factor, (middle, middle)), shape, beyond="reflection")
    plane = Image.fromarray(photo[0, 1].numpy()).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(result[0, 1, 2:-2, 2:-2].numpy(), np.asarray(plane)[2:-2, 2:-2], atol=1e-5)


@pytest.mark.parametrize("scale", [2.2, 5.0, 12.0])
def test_what_is_too_fine_for_the_result_becomes_its_mean(scale: float):
    y, x = torch.meshgrid(torch.arange(300), torch.arange(300), indexing="ij")
    board = ((x + y) % 2).float().expand(1, 3, 300, 300)
    result = read_affine(board, turn(11, scale, (150, 100)), (9, 9), beyond="reflection")
    torch.testing.assert_close(result, torch.full_like(result, 0.5), atol=0.02, rtol=0)


def test_beyond_the_picture_lies_its_mirror_image():
    photo = noise(20, 24)
    padded = np.pad(photo[0].numpy(), ((0, 0), (12, 12), (12, 12)), mode="symmetric")
    matrix = turn(0, 1, (-10, -12))
    result = read_affine(photo, matrix, (44, 44), beyond="reflection")
    np.testing.assert_allclose(result[0].numpy(), padded[:, :44, 2:46], atol=1e-5)


def test_beyond_the_picture_lies_nothing_if_asked_for():
    result = read_affine(torch.ones(1, 1, 20, 20), turn(0, 1, (-5, 0)), (20, 20), beyond="zeros")
    torch.testing.assert_close(result[0, 0, 3], (torch.arange(20) >= 5).float(), atol=1e-5, rtol=0)


def test_many_rows_are_read_as_few():
    photo, matrix = noise(40, 50), turn(20, 0.05, (10, 8))
    whole = read_affine(photo, matrix, (600, 8), beyond="reflection")
    lower = matrix.copy()
    lower[:, 2] += 500 * matrix[:, 1]
    torch.testing.assert_close(whole[:, :, 500:], read_affine(photo, lower, (100, 8), beyond="reflection"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_the_dtype_stays(dtype: torch.dtype):
    assert read_affine(noise(9, 9).to(dtype), turn(5, 1.5, (1, 1)), (4, 4), beyond="reflection").dtype == dtype


def test_bounds_are_those_of_the_pixels_edges():
    low, high = bounds(turn(90, 2, (10, 20)), (3, 5))
    # x' = 10 - 2 y for y from -0.5 to 2.5, y' = 20 + 2 x for x from -0.5 to 4.5.
    np.testing.assert_allclose((low, high), [(5, 19), (11, 29)], atol=1e-9)
