"""What searches keep of a generator: one Gaussian, and each twin once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.generators.twin import Twin
from photopulse.search.kit import SearchKit
from photopulse.search.prior import GaussianPrior
from photopulse.search.prior_cache import find_prior
from photopulse.search.twin_cache import save_twin, twin_path

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")

Build = Callable[..., MobileStyleGAN]


@pytest.fixture
def large(build_generator: Build) -> MobileStyleGAN:
    """128 px, so that all sizes of twins exist."""
    return build_generator(channels=(8, 8, 8, 8, 8))


def test_the_kit_holds_the_generators_own_gaussian(tiny_generator: MobileStyleGAN):
    kit = SearchKit.find(tiny_generator)
    assert kit.generator is tiny_generator
    assert torch.equal(kit.prior.mean, find_prior(tiny_generator).mean)
    assert torch.equal(kit.prior.std, find_prior(tiny_generator).std)


@pytest.mark.parametrize(
    ("side", "sizes"), [(4, [16]), (8, [16]), (16, [16]), (32, [16, 32]), (64, [16, 32, 64]), (128, [16, 32, 64])]
)
def test_twins_smaller_than_the_input_come_first_then_the_smallest_that_is_not(
    large: MobileStyleGAN, prior: GaussianPrior, side: int, sizes: list[int]
):
    assert [twin.size for twin in SearchKit(generator=large, prior=prior).twins_for(side)] == sizes


@pytest.mark.parametrize(
    ("there", "side", "sizes"),
    [((16, 64), 32, [16, 64]), ((32,), 8, [32]), ((32,), 16, [32]), ((64,), 16, [64]), ((16,), 64, [16]), ((), 16, [])],
)
def test_sizes_that_the_generator_has_no_twin_of_are_passed_over(
    large: MobileStyleGAN, prior: GaussianPrior, retwin: Any, there: tuple[int, ...], side: int, sizes: list[int]
):
    poorer = retwin(large, lambda size: large.make_twin(size) if size in there else None)
    assert [twin.size for twin in SearchKit(generator=poorer, prior=prior).twins_for(side)] == sizes


def test_twins_as_large_as_the_generator_are_not_asked_for(
    tiny_generator: MobileStyleGAN, prior: GaussianPrior, retwin: Any
):
    asked: list[int] = []

    def make_twin(size: int) -> Twin | None:
        asked.append(size)
        return tiny_generator.make_twin(size)

    kit = SearchKit(generator=retwin(tiny_generator, make_twin), prior=prior)
    assert kit.twin(64) is None
    assert [kit.twins_for(16)[0] is kit.twin(16) for _ in range(2)] == [True, True]
    assert asked == [16]


def test_that_there_is_no_twin_is_found_out_once(tiny_generator: MobileStyleGAN, prior: GaussianPrior, retwin: Any):
    asked: list[int] = []
    kit = SearchKit(generator=retwin(tiny_generator, asked.append), prior=prior)
    assert (kit.twin(16), kit.twin(16)) == (None, None)
    assert asked == [16]


def test_the_fitted_twin_of_the_cache_is_the_one(tiny_generator: MobileStyleGAN, prior: GaussianPrior, own_cache: Path):
    fitted = tiny_generator.make_twin(16)
    assert fitted is not None
    with torch.no_grad():
        for values in fitted.tail.parameters():
            values += 0.25
    save_twin(fitted, twin_path(tiny_generator, 16), told={})
    assert twin_path(tiny_generator, 16).is_relative_to(own_cache)
    found = SearchKit(generator=tiny_generator, prior=prior).twin(16)
    assert found is not None
    ws = tiny_generator.map(torch.randn(2, 16, generator=torch.Generator().manual_seed(0)))
    # Half precision has eleven bits.
    torch.testing.assert_close(found(ws), fitted(ws).detach(), rtol=5e-3, atol=5e-3)
