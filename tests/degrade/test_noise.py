"""Random corruptions: their statistics as measured, against what their names promise."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from photopulse.degrade import ChromaNoise, Corruption, GaussianNoise, SaltAndPepper

ALL = (GaussianNoise(25), ChromaNoise(25), SaltAndPepper(0.05))


def gray(value: float, *, batch: int = 1, side: int = 256) -> Tensor:
    return torch.full((batch, 3, side, side), value)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("std", [5, 25])
def test_gaussian_noise_has_the_standard_deviation_of_its_name(std: float) -> None:
    noise = GaussianNoise(std)(gray(0.5), seeded()) - 0.5
    # Of 65,536 values a channel, the measured deviation is right to 0.3 % (one standard error).
    assert noise.std(dim=(0, 2, 3)).mul(255).tolist() == pytest.approx([std] * 3, rel=0.015)
    assert noise.mean().abs() < 4 * std / 255 / noise.numel() ** 0.5


def test_gaussian_noise_of_the_channels_is_independent() -> None:
    noise = GaussianNoise(20)(gray(0.5), seeded()) - 0.5
    correlations = torch.corrcoef(noise[0].flatten(1)) - torch.eye(3)
    assert correlations.abs().max() < 0.02


def test_gaussian_noise_is_clamped() -> None:
    noisy = GaussianNoise(50)(gray(0.02), seeded())
    assert noisy.min() == 0
    assert noisy.max() <= 1
    # Half of a normal distribution lies below its mean; 0.02 is a tenth of a standard deviation above zero.
    assert (noisy == 0).float().mean().item() == pytest.approx(0.4594, abs=0.005)


def test_chroma_noise_leaves_pillows_luma_still_and_moves_its_chroma() -> None:
    noisy = ChromaNoise(10)(gray(0.5), seeded())
    picture = Image.fromarray((noisy[0].permute(1, 2, 0) * 255).round().byte().numpy()).convert("YCbCr")
    luma, blue, red = torch.tensor(np.asarray(picture)).float().unbind(dim=2)
    assert (luma - 127.5).abs().max() <= 1.5
    # Rounding to bytes adds a little to the deviation of 10.
    assert [blue.std().item(), red.std().item()] == pytest.approx([10, 10], rel=0.02)


def test_salt_and_pepper_hits_whole_pixels_half_black_half_white() -> None:
    spoiled = SaltAndPepper(0.05)(gray(0.5), seeded())
    assert torch.equal(spoiled[:, 0], spoiled[:, 1])
    assert torch.equal(spoiled[:, 0], spoiled[:, 2])
    shares = [(spoiled[:, 0] == value).float().mean().item() for value in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.025, 0.95, 0.025], abs=0.0025)


@pytest.mark.parametrize(("fraction", "left"), [(0, 1), (1, 0)])
def test_salt_and_pepper_may_hit_none_or_all(fraction: float, left: float) -> None:
    assert (SaltAndPepper(fraction)(gray(0.5), seeded()) == 0.5).float().mean() == left


@pytest.mark.parametrize("corruption", ALL, ids=lambda one: one.name)
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(corruption: Corruption) -> None:
    image = torch.rand(1, 3, 16, 16, generator=seeded(9))
    assert torch.equal(corruption(image, seeded(1)), corruption(image, seeded(1)))
    assert not torch.equal(corruption(image, seeded(1)), corruption(image, seeded(2)))


@pytest.mark.parametrize("corruption", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_the_noise_does_not_depend_on_the_precision(corruption: Corruption, dtype: torch.dtype) -> None:
    image = torch.rand(2, 3, 8, 8, generator=seeded(9)).to(dtype)
    spoiled = corruption(image, seeded())
    assert (spoiled.dtype, spoiled.shape) == (dtype, image.shape)
    torch.testing.assert_close(spoiled.double(), corruption(image.double(), seeded()), atol=5e-3, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize("corruption", ALL, ids=lambda one: one.name)
def test_the_noise_does_not_depend_on_the_device(corruption: Corruption) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    image = gray(0.5, side=16)
    spoiled = corruption(image.cuda(), seeded())
    assert spoiled.is_cuda
    torch.testing.assert_close(spoiled.cpu(), corruption(image, seeded()))


def test_amounts_out_of_bounds_are_refused() -> None:
    for make, wrong in ((GaussianNoise, -1), (ChromaNoise, 256), (SaltAndPepper, 1.5)):
        with pytest.raises(ValueError, match="must be from 0 to"):
            make(wrong)
