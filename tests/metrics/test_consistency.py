"""Consistency with operators whose answer NumPy gives or that are worked by hand."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from photopulse.degrade import DEGRADATION_NAMES, Box, make_degradation
from photopulse.metrics.consistency import downscale_mse


def random_image(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_downscale_mse_equals_numpys_block_means() -> None:
    image, small = random_image(3, 3, 32, 24), random_image(3, 3, 8, 6, seed=1)
    blocks = image.double().numpy().reshape(3, 3, 8, 4, 6, 4).mean(axis=(3, 5))
    expected = ((blocks - small.double().numpy()) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(downscale_mse(image, small, Box(4)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_an_image_is_consistent_with_its_own_downscaling_and_no_other(name: str) -> None:
    degradation = make_degradation(name, factor=8)
    image = random_image(1, 3, 64, 64)
    assert downscale_mse(image, degradation(image), degradation).item() == 0
    brighter = degradation(image) + 0.01
    assert downscale_mse(image, brighter, degradation).item() == pytest.approx(1e-4, rel=1e-3)


def test_what_lies_beyond_black_and_white_does_not_count() -> None:
    image = torch.full((1, 3, 8, 8), 1.5)
    assert downscale_mse(image, torch.ones(1, 3, 4, 4), Box(2)).item() == 0


@dataclass(frozen=True)
class TopLeft:
    """A degradation that no table knows."""

    name: str = "top-left"
    factor: int = 2

    def __call__(self, image: Tensor) -> Tensor:
        return image[..., ::2, ::2]


def test_any_degradation_will_do() -> None:
    image = random_image(1, 3, 8, 8)
    assert downscale_mse(image, image[..., ::2, ::2], TopLeft()).item() == 0
    assert downscale_mse(image, image[..., 1::2, ::2], TopLeft()).item() > 0.01


def test_a_small_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        downscale_mse(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 2, 2), Box(2))
