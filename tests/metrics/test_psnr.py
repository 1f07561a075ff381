"""PSNR against scikit-image, and FSRNet's protocol against its published data and a plain NumPy twin."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from photopulse.images import from_uint8
from photopulse.metrics.psnr import psnr, psnr_y

FACES = Path(__file__).parents[2] / ".." / "shared" / "data" / "fsrnet-test"


def random_pair(*, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    reference = torch.rand(2, 3, 24, 20, generator=random)
    noisy = reference + noise * torch.randn(reference.shape, generator=random)
    return noisy.clamp(0, 1), reference


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
def test_psnr_equals_scikit_image_for_each_image_of_a_batch(noise: float) -> None:
    image, reference = random_pair(noise=noise)
    expected = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1) for a, b in zip(reference, image, strict=True)
    ]
    np.testing.assert_allclose(psnr(image, reference), expected, atol=1e-3)


def test_equal_images_have_infinite_psnr() -> None:
    image, _ = random_pair(noise=0.1)
    assert psnr(image, image).tolist() == [math.inf, math.inf]


def test_what_lies_beyond_black_and_white_does_not_count() -> None:
    reference = torch.ones(1, 3, 8, 8)
    assert psnr(reference + 0.5, reference).tolist() == [math.inf]


def test_psnr_y_equals_a_plain_twin() -> None:
    image, reference = random_pair(noise=0.2)
    weights = np.array([65.481, 128.553, 24.966]).reshape(3, 1, 1)
    expected = []
    for pair in zip(image, reference, strict=True):
        first, second = (np.floor((np.rint(p.double().numpy() * 255) / 255 * weights).sum(0) + 16) for p in pair)
        expected.append(10 * np.log10(255**2 / ((first - second) ** 2).mean()))
    np.testing.assert_allclose(psnr_y(image, reference), expected, atol=1e-3)


def test_psnr_y_of_equal_images_is_that_of_one_grey_level() -> None:
    image, _ = random_pair(noise=0.1)
    np.testing.assert_allclose(psnr_y(image, image), [48.1308, 48.1308], atol=1e-4)


def test_psnr_y_of_black_against_white_is_worked_by_hand() -> None:
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert psnr_y(black, white).item() == pytest.approx(20 * math.log10(255 / 219), abs=1e-5)


@pytest.mark.skipif(not FACES.is_dir(), reason="FSRNet's test faces are not beside the checkout")
@pytest.mark.parametrize(("faces", "count", "expected"), [("helen", 50, 23.69), ("celeba", 100, 23.44)])
def test_bicubic_enlargement_of_the_fsrnet_faces_has_the_known_psnr(faces: str, count: int, expected: float) -> None:
    files = sorted((FACES / f"{faces}-hr").iterdir())
    scores = [psnr_y(read(FACES / f"{faces}-lr" / file.name), read(file)).item() for file in files]
    assert len(scores) == count
    assert np.mean(scores) == pytest.approx(expected, abs=0.005)


def read(path: Path) -> Tensor:
    return from_uint8(np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("measure", [psnr, psnr_y])
def test_two_sizes_are_refused(measure) -> None:
    with pytest.raises(ValueError, match="one shape"):
        measure(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 8, 8))
