"""Means of corruptions against many draws of them, and their gradients."""

import math

import pytest
import torch
from torch import Tensor

from photopulse.degrade import ChromaNoise, Corruption, GaussianNoise, Mosaic, SaltAndPepper
from photopulse.degrade.expected import expected

RANDOM = (GaussianNoise(25), GaussianNoise(120), ChromaNoise(40), SaltAndPepper(0.3))


def shades(dtype: torch.dtype = torch.float32) -> Tensor:
    """Three rows of different colours from black to white, (1, 3, 3, 5)."""
    row = torch.linspace(0, 1, 5, dtype=dtype)
    return torch.stack([row.expand(3, 5), 1 - row.expand(3, 5), row[:3, None].expand(3, 5)])[None]


@pytest.mark.parametrize("part", RANDOM, ids=lambda part: part.name)
def test_the_mean_is_that_of_many_draws(part: Corruption) -> None:
    draws = part(shades().repeat(20_000, 1, 1, 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(expected(shades(), part)[0], draws.mean(0), atol=0.012, rtol=0)
    # Five standard errors of each pixel's mean; the plain picture lies far beyond them.
    margin = 5 * draws.std(0) / math.sqrt(len(draws)) + 1e-5
    assert ((expected(shades(), part)[0] - draws.mean(0)).abs() <= margin).all()
    assert ((shades()[0] - draws.mean(0)).abs() > margin).any()


def test_noise_on_black_has_the_mean_of_half_a_normal_distribution() -> None:
    black = expected(torch.zeros(1, 3, 1, 1), GaussianNoise(25))
    torch.testing.assert_close(black, torch.full_like(black, 25 / 255 / math.sqrt(2 * math.pi)))


@pytest.mark.parametrize("part", RANDOM, ids=lambda part: part.name)
def test_gradients_are_exact_within_the_range(part: Corruption) -> None:
    image = (0.1 + 0.8 * shades(torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: expected(x, part), (image,))


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_beyond_the_range_noise_leaves_the_slope_as_it_is(value: float) -> None:
    image = torch.full((1, 3, 2, 2), value, requires_grad=True)
    expected(image, GaussianNoise(50)).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))


def test_no_noise_changes_nothing() -> None:
    for part in (GaussianNoise(0), ChromaNoise(0), SaltAndPepper(0)):
        assert torch.equal(expected(shades(), part), shades())


def test_a_mosaic_is_exact_with_the_gradient_of_means() -> None:
    image = shades(torch.float64).requires_grad_()
    assert torch.equal(expected(image, Mosaic(2)), Mosaic(2)(image, torch.Generator()))
    assert torch.autograd.gradcheck(lambda x: expected(x, Mosaic(2)), (image,))


def test_precision_is_kept() -> None:
    for part in RANDOM:
        assert expected(shades().bfloat16(), part).dtype == torch.bfloat16
