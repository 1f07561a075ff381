"""SSIM against scikit-image with the settings of the paper."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity
from torch import Tensor

from photopulse.images import from_uint8
from photopulse.metrics.ssim import ssim

HELEN = Path(__file__).parents[2] / ".." / "shared" / "data" / "fsrnet-test"


def noisy_cats() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two crops of a photo, and the same with noise of different strength: (2, 60, 70, 3) each."""
    photo = data.chelsea()
    clean = np.stack([photo[40:100, 100:170], photo[150:210, 200:270]])
    noise = np.random.default_rng(0).normal(0, 1, clean.shape) * np.array([5, 30]).reshape(2, 1, 1, 1)
    return clean, np.clip(clean + noise, 0, 255).astype(np.uint8)


def to_batch(photos: NDArray[np.uint8]) -> Tensor:
    return torch.cat([from_uint8(photo) for photo in photos])


def reference_ssim(a: NDArray[np.float64], b: NDArray[np.float64], *, data_range: float, axis: int | None) -> float:
    return structural_similarity(
        a, b, data_range=data_range, channel_axis=axis, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )


def test_ssim_on_channels_equals_scikit_image() -> None:
    clean, noisy = noisy_cats()
    expected = [reference_ssim(a / 255, b / 255, data_range=1, axis=2) for a, b in zip(clean, noisy, strict=True)]
    np.testing.assert_allclose(ssim(to_batch(noisy), to_batch(clean), channels=True), expected, atol=1e-4)


def test_ssim_on_luma_equals_scikit_image() -> None:
    clean, noisy = noisy_cats()
    grey = [[np.rint(rgb2ycbcr(photo)[..., 0]) for photo in pair] for pair in zip(clean, noisy, strict=True)]
    expected = [reference_ssim(a, b, data_range=255, axis=None) for a, b in grey]
    np.testing.assert_allclose(ssim(to_batch(noisy), to_batch(clean)), expected, atol=1e-4)


def test_equal_images_have_ssim_one() -> None:
    clean = to_batch(noisy_cats()[0])
    np.testing.assert_allclose(ssim(clean, clean), [1, 1], atol=1e-6)
    np.testing.assert_allclose(ssim(clean, clean, channels=True), [1, 1], atol=1e-6)


def test_flat_images_differ_in_brightness_alone() -> None:
    dark, bright = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert ssim(dark, bright, channels=True).item() == pytest.approx(expected, abs=1e-3)


def test_what_lies_beyond_black_and_white_does_not_count() -> None:
    clean = to_batch(noisy_cats()[0])
    stretched = (clean - 0.5) * 3 + 0.5
    assert torch.equal(ssim(stretched, clean), ssim(stretched.clamp(0, 1), clean))
    assert torch.equal(ssim(stretched, clean, channels=True), ssim(stretched.clamp(0, 1), clean, channels=True))


@pytest.mark.skipif(not HELEN.is_dir(), reason="FSRNet's test faces are not beside the checkout")
def test_bicubic_enlargement_of_the_helen_faces_has_the_known_ssim() -> None:
    def read(folder: str) -> Tensor:
        return to_batch(np.stack([np.asarray(Image.open(file)) for file in sorted((HELEN / folder).iterdir())]))

    assert ssim(read("helen-lr"), read("helen-hr")).mean().item() == pytest.approx(0.6592, abs=1e-4)


def test_images_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim(torch.zeros(1, 3, 10, 64), torch.zeros(1, 3, 10, 64))
