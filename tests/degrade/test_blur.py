"""Blurs of an impulse, worked by hand, and whole pictures against SciPy and scikit-image."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.filters import gaussian
from torch import Tensor

from photopulse.degrade import Corruption, Defocus, GaussianBlur, MotionBlur

UNUSED = torch.Generator()


def impulse(side: int) -> Tensor:
    image = torch.zeros(1, 3, side, side)
    image[..., side // 2, side // 2] = 1
    return image


def random_image(height: int, width: int) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def moments(kernel: np.ndarray) -> np.ndarray:
    """Covariance of (right, up) under the kernel's weights."""
    height, width = kernel.shape
    down, right = np.mgrid[:height, :width] - np.array([height // 2, width // 2])[:, None, None]
    return np.cov(np.stack([right.ravel(), -down.ravel()]), aweights=kernel.ravel(), ddof=0)


def test_motion_spreads_an_impulse_over_a_line_of_its_length() -> None:
    # 100 px around the middle of a pixel are 99 whole pixels and half of the next one at each end.
    expected = np.zeros((128, 128))
    expected[64, 64 - 49 : 64 + 50] = 1 / 100
    expected[64, [64 - 50, 64 + 50]] = 1 / 200
    for plane in MotionBlur(100)(impulse(128), UNUSED)[0]:
        np.testing.assert_allclose(plane, expected, atol=1e-7)


def test_motion_of_odd_length_has_that_many_equal_pixels() -> None:
    row = MotionBlur(5)(impulse(9), UNUSED)[0, 0, 4]
    np.testing.assert_allclose(row, [0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0], atol=1e-7)


def test_upright_motion_is_level_motion_turned() -> None:
    level, upright = MotionBlur(20).kernel(), MotionBlur(20, 90).kernel()
    assert level.shape == (3, 21)
    np.testing.assert_allclose(upright, level.T, atol=1e-12)
    np.testing.assert_allclose(MotionBlur(20, 180).kernel(), level, atol=1e-12)


@pytest.mark.parametrize("angle", [0, 30, 45, 77, 120])
def test_motion_points_where_its_angle_says_counterclockwise(angle: float) -> None:
    kernel = MotionBlur(61, angle).kernel()
    variances, axes = np.linalg.eigh(moments(kernel))
    direction = math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180
    assert min(abs(direction - angle), 180 - abs(direction - angle)) < 0.2
    # An even line of length L has the variance L^2 / 12, and this one is about a pixel thick.
    assert variances[1] == pytest.approx(61**2 / 12, rel=0.02)
    assert variances[0] < 0.5
    assert kernel.sum() == pytest.approx(1)


@pytest.mark.parametrize("radius", [1.5, 4, 16])
def test_a_disk_sums_to_one_and_has_the_area_and_the_width_of_a_circle(radius: float) -> None:
    kernel = Defocus(radius).kernel()
    assert kernel.sum() == pytest.approx(1)
    # A disk has the variance R^2 / 4; the rim, a pixel wide, adds to area and variance.
    assert 1 / kernel.max() == pytest.approx(math.pi * radius**2, abs=0.5)
    np.testing.assert_allclose(moments(kernel), np.eye(2) * radius**2 / 4, rtol=0.5 / radius**2, atol=1e-12)
    np.testing.assert_allclose(kernel, kernel.T)
    np.testing.assert_allclose(kernel, kernel[::-1])


@pytest.mark.parametrize("size", [(40, 56), (9, 7)], ids=["larger than the kernel", "smaller than the kernel"])
@pytest.mark.parametrize("blur", [MotionBlur(20, 30), MotionBlur(4), Defocus(6)], ids=lambda blur: blur.name)
def test_pictures_equal_scipys_with_mirrored_edges(blur: MotionBlur | Defocus, size: tuple[int, int]) -> None:
    image = random_image(*size)
    spoiled = blur(image, UNUSED)
    for plane, expected in zip(spoiled.flatten(0, 1), image.flatten(0, 1), strict=True):
        np.testing.assert_allclose(
            plane, ndimage.correlate(expected.double().numpy(), blur.kernel(), mode="mirror"), atol=1e-6
        )


@pytest.mark.parametrize("std", [0.5, 3])
def test_the_gaussian_equals_scikit_images(std: float) -> None:
    image = random_image(40, 56)
    expected = gaussian(image[0].double().numpy(), sigma=std, mode="mirror", truncate=4, channel_axis=0)
    np.testing.assert_allclose(GaussianBlur(std)(image, UNUSED)[0], expected, atol=2e-4)


@pytest.mark.parametrize("blur", [MotionBlur(9), Defocus(3), GaussianBlur(2)], ids=lambda blur: blur.name)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_a_constant_picture_stays_constant_in_its_precision(blur: Corruption, dtype: torch.dtype) -> None:
    image = torch.full((2, 3, 12, 16), 0.25, dtype=dtype)
    torch.testing.assert_close(blur(image, UNUSED), image)


@pytest.mark.parametrize("blur", [MotionBlur(1), Defocus(0.5)], ids=lambda blur: blur.name)
def test_the_least_blur_changes_nothing(blur: Corruption) -> None:
    image = random_image(8, 8)
    torch.testing.assert_close(blur(image, UNUSED), image)


def test_amounts_out_of_bounds_are_refused() -> None:
    for make, wrong in ((MotionBlur, 0), (Defocus, 0), (GaussianBlur, 0), (Defocus, 257)):
        with pytest.raises(ValueError, match="must be from"):
            make(wrong)
    with pytest.raises(ValueError, match="the angle of the motion must be from 0 to 180, got 200"):
        MotionBlur(5, 200)
