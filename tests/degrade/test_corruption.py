"""What corruptions say of themselves, against what they do: means of many draws, gradients, slopes and steps."""

import math
from inspect import isabstract
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from photopulse.degrade import (
    Box,
    ChromaNoise,
    Corruption,
    Defocus,
    GaussianBlur,
    GaussianNoise,
    Jpeg,
    Mosaic,
    MotionBlur,
    SaltAndPepper,
)

RANDOM = (GaussianNoise(25), GaussianNoise(120), ChromaNoise(40), SaltAndPepper(0.3))
CERTAIN = (MotionBlur(9, 150), Defocus(3), GaussianBlur(2), Mosaic(4), Jpeg(30))
ALL = (*RANDOM, GaussianNoise(3), GaussianNoise(0), ChromaNoise(0), *CERTAIN)


def shades(dtype: torch.dtype = torch.float32) -> Tensor:
    """Three rows of different colours from black to white, (1, 3, 3, 5)."""
    row = torch.linspace(0, 1, 5, dtype=dtype)
    return torch.stack([row.expand(3, 5), 1 - row.expand(3, 5), row[:3, None].expand(3, 5)])[None]


def waves(dtype: torch.dtype = torch.float32) -> Tensor:
    """Soft waves of three colours, (1, 3, 64, 64), from 0.2 to 0.8."""
    rows, columns = torch.meshgrid(*[(torch.arange(64, dtype=dtype) + 0.5) / 64] * 2, indexing="ij")
    planes = [torch.sin(6 * (rows * k + columns)) for k in (1, 2, 3)]
    return 0.5 + 0.3 * torch.stack(planes)[None]


@pytest.mark.parametrize("part", RANDOM, ids=lambda part: part.name)
def test_the_mean_is_that_of_many_draws(part: Corruption) -> None:
    draws = part(shades().repeat(20_000, 1, 1, 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(part.expected(shades())[0], draws.mean(0), atol=0.012, rtol=0)
    # Five standard errors of each pixel's mean; the plain picture lies far beyond them.
    margin = 5 * draws.std(0) / math.sqrt(len(draws)) + 1e-5
    assert ((part.expected(shades())[0] - draws.mean(0)).abs() <= margin).all()
    assert ((shades()[0] - draws.mean(0)).abs() > margin).any()


def test_noise_on_black_has_the_mean_of_half_a_normal_distribution() -> None:
    black = GaussianNoise(25).expected(torch.zeros(1, 3, 1, 1))
    torch.testing.assert_close(black, torch.full_like(black, 25 / 255 / math.sqrt(2 * math.pi)))


@pytest.mark.parametrize("part", RANDOM, ids=lambda part: part.name)
def test_gradients_are_exact_within_the_range(part: Corruption) -> None:
    image = (0.1 + 0.8 * shades(torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: part.expected(x), (image,))


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_beyond_the_range_noise_leaves_the_slope_as_it_is(value: float) -> None:
    image = torch.full((1, 3, 2, 2), value, requires_grad=True)
    GaussianNoise(50).expected(image).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))


def test_no_noise_changes_nothing() -> None:
    for part in (GaussianNoise(0), ChromaNoise(0), SaltAndPepper(0)):
        assert torch.equal(part.expected(shades()), shades())


def test_a_mosaic_is_exact_with_the_gradient_of_means() -> None:
    image = shades(torch.float64).requires_grad_()
    assert torch.equal(Mosaic(2).expected(image), Mosaic(2)(image, torch.Generator()))
    assert torch.autograd.gradcheck(lambda x: Mosaic(2).expected(x), (image,))


def test_precision_is_kept() -> None:
    for part in RANDOM:
        assert part.expected(shades().bfloat16()).dtype == torch.bfloat16


class Fog(Corruption):
    """What a corruption was before it had to say what is expected of it."""

    @property
    def name(self) -> str:
        return "fog"

    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        return (image + 1) / 2


def test_a_corruption_that_does_not_say_all_of_itself_cannot_be_made() -> None:
    with pytest.raises(TypeError, match=r"abstract.*at_scale.*expected.*has_steps.*is_linear.*is_random"):
        Fog()  # pyright: ignore[reportAbstractUsage]


def kinds(of: type[Corruption]) -> set[type[Corruption]]:
    """All corruptions of photopulse that can be made."""
    below = set[type[Corruption]]().union(*(kinds(kind) for kind in of.__subclasses__()))
    return below if isabstract(of) or not of.__module__.startswith("photopulse.") else below | {of}


def test_these_tests_know_every_kind() -> None:
    assert {type(part) for part in ALL} == kinds(Corruption)


@pytest.mark.parametrize("part", CERTAIN, ids=lambda part: part.name)
def test_what_is_certain_is_expected(part: Corruption) -> None:
    image = waves(torch.float64)
    torch.testing.assert_close(part.expected(image), part(image, torch.Generator()), atol=1e-5, rtol=0)


@pytest.mark.parametrize("part", [part for part in ALL if not part.name.endswith(":0")], ids=lambda part: part.name)
def test_two_draws_differ_where_something_is_random_and_nowhere_else(part: Corruption) -> None:
    first, second = (part(waves(), torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert torch.equal(first, second) != part.is_random


@pytest.mark.parametrize(
    "part", [*CERTAIN, GaussianNoise(3), ChromaNoise(3), SaltAndPepper(0.3)], ids=lambda part: part.name
)
def test_what_is_linear_takes_means_to_means_and_nothing_else_does(part: Corruption) -> None:
    # Far from black and white, where nothing of the noise is clamped.
    random = torch.Generator().manual_seed(0)
    one, other = 0.3 + 0.4 * torch.rand(2, 1, 3, 32, 32, generator=random, dtype=torch.float64)
    bend = part.expected((one + other) / 2) - (part.expected(one) + part.expected(other)) / 2
    assert (bend.abs().max().item() < 1e-9) == part.is_linear


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.name)
def test_what_has_steps_jumps_on_a_slow_way_and_nothing_else_does(part: Corruption) -> None:
    way = [part.expected(waves(torch.float64) + 1e-4 * k) for k in range(100)]
    jump = max((after - before).abs().max().item() for before, after in pairwise(way))
    assert (jump > 1e-3) == part.has_steps


@pytest.mark.parametrize("part", [part for part in ALL if not isinstance(part, Jpeg)], ids=lambda part: part.name)
def test_at_half_the_scale_it_does_the_same_to_a_picture_of_half_the_size(part: Corruption) -> None:
    smaller = part.at_scale(0.5)
    assert smaller is not None
    difference = smaller.expected(Box(2)(waves())) - Box(2)(part.expected(waves()))
    # The mirrors at the edges lie elsewhere.
    assert difference[..., 6:-6, 6:-6].square().mean() < 1e-5


def test_what_would_be_too_little_to_see_vanishes_at_a_smaller_scale() -> None:
    for part in (MotionBlur(9), Defocus(3), GaussianBlur(2), Mosaic(4)):
        assert part.at_scale(1 / 32) is None
    assert Jpeg(30).at_scale(0.5) is None
