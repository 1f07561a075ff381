"""The quick blur against OpenCV's own."""

import cv2
import numpy as np
import pytest

from photopulse.images.smooth import smoothed


@pytest.mark.parametrize("deviation", [0.7, 5.0, 15.9, 16.0, 33.0, 100.0])
@pytest.mark.parametrize("shape", [(256, 256, 3), (201, 333)])
def test_it_is_the_gaussian(deviation: float, shape: tuple[int, ...]):
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
    pixels[: shape[0] // 2, 40:90] = 1
    expected = cv2.GaussianBlur(pixels, (0, 0), deviation, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(smoothed(pixels, deviation), expected, atol=0.008 if deviation >= 16 else 1e-6)


def test_small_pictures_are_blurred_as_they_are():
    pixels = np.random.default_rng(0).random((12, 30), dtype=np.float32)
    expected = cv2.GaussianBlur(pixels, (0, 0), 40, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_array_equal(smoothed(pixels, 40), expected)
