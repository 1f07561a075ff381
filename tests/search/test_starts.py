from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.starts import NoiseSettings, Start, random_start, trainable_indices, zeroed_indices

ALL = NoiseSettings(kind="fixed", zeroed_layers=())


def start(generator: Any, *seeds: int, layers: int = 6, noise: NoiseSettings = ALL) -> Start:
    return random_start(generator, seeds, layers=layers, noise=noise)


def item(starts: Start, index: int) -> list[torch.Tensor]:
    return [starts.latent[index], *(values[index] for values in starts.noise)]


@pytest.mark.parametrize("seeds", [(7,), (7, 1), (1, 7), (0, 3, 7, 7), (9, 8, 7, 6, 5)])
def test_a_seed_gives_the_same_start_in_any_batch_and_order(tiny_generator: MobileStyleGAN, seeds: tuple[int, ...]):
    alone = item(start(tiny_generator, 7), 0)
    batch = start(tiny_generator, *seeds)
    assert batch.latent.shape == (len(seeds), 6, 16)
    for index, seed in enumerate(seeds):
        same = [torch.equal(a, b) for a, b in zip(item(batch, index), alone, strict=True)]
        assert all(same) if seed == 7 else not any(same)


def test_seed_zero_is_a_seed(tiny_generator: MobileStyleGAN):
    torch.manual_seed(123)
    first = start(tiny_generator, 0)
    torch.manual_seed(456)
    again, other = start(tiny_generator, 0), start(tiny_generator, 1)
    assert torch.equal(first.latent, again.latent)
    assert torch.equal(first.noise[2], again.noise[2])
    assert not torch.equal(first.latent, other.latent)
    assert not torch.equal(first.noise[2], other.noise[2])


def test_every_seed_has_a_start_of_its_own(tiny_generator: MobileStyleGAN):
    seeds = (*range(50), 2**31, 2**32 - 1)
    assert len(start(tiny_generator, *seeds).latent.flatten(1).unique(dim=0)) == len(seeds)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 10**30])
def test_a_seed_that_would_stand_for_another_is_refused(tiny_generator: MobileStyleGAN, seed: int):
    with pytest.raises(PhotopulseError, match=rf"seed {seed}: .* from 0 to 4294967295"):
        start(tiny_generator, seed)


def test_a_start_leaves_the_global_random_state_alone(tiny_generator: MobileStyleGAN):
    before = torch.get_rng_state()
    start(tiny_generator, 0, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_start_is_standard_normal_with_one_map_an_input(tiny_generator: MobileStyleGAN):
    drawn = start(tiny_generator, *range(200))
    assert [tuple(values.shape[1:]) for values in drawn.noise] == list(tiny_generator.noise_shapes)
    for values in (drawn.latent, *drawn.noise):
        assert abs(values.mean().item()) < 0.06
        assert abs(values.std().item() - 1) < 0.05


def test_one_latent_for_all_layers_has_one_layer(tiny_generator: MobileStyleGAN):
    assert start(tiny_generator, 0, 1, layers=1).latent.shape == (2, 1, 16)


@pytest.mark.parametrize(
    ("settings", "zero"),
    [
        (NoiseSettings(), {4}),
        (NoiseSettings(kind="fixed", zeroed_layers=()), set()),
        (NoiseSettings(kind="fixed", zeroed_layers=(0, -2)), {0, 3}),
        (NoiseSettings(kind="trainable", zeroed_layers=(-5, 4)), {0, 4}),
        (NoiseSettings(kind="trainable", zeroed_layers=(1, 1, -4)), {1}),
        (NoiseSettings(kind="zero", zeroed_layers=()), {0, 1, 2, 3, 4}),
    ],
)
def test_exactly_the_zeroed_layers_are_zero(tiny_generator: MobileStyleGAN, settings: NoiseSettings, zero: set[int]):
    maps = start(tiny_generator, 0, noise=settings).noise
    assert {i for i, values in enumerate(maps) if values.eq(0).all()} == zero
    assert zeroed_indices(settings, 5) == zero


def test_zeroing_a_layer_does_not_change_the_others(tiny_generator: MobileStyleGAN):
    whole = start(tiny_generator, 3)
    partly = start(tiny_generator, 3, noise=NoiseSettings(kind="trainable", zeroed_layers=(1,)))
    assert torch.equal(whole.latent, partly.latent)
    for i in (0, 2, 3, 4):
        assert torch.equal(whole.noise[i], partly.noise[i])


@pytest.mark.parametrize("layer", [5, -6, 100])
def test_a_layer_that_does_not_exist_is_refused(tiny_generator: MobileStyleGAN, layer: int):
    with pytest.raises(ValueError, match=rf"noise layer {layer} does not exist: this generator has 5 \(0 to 4\)"):
        start(tiny_generator, 0, noise=NoiseSettings(zeroed_layers=(0, layer)))


@pytest.mark.parametrize(
    ("settings", "searched"),
    [
        (NoiseSettings(), (0, 1, 2, 3)),
        (NoiseSettings(zeroed_layers=()), (0, 1, 2, 3, 4)),
        (NoiseSettings(trainable_layers=2), (0, 1)),
        (NoiseSettings(trainable_layers=3, zeroed_layers=(1,)), (0, 2)),
        (NoiseSettings(trainable_layers=99, zeroed_layers=(-1,)), (0, 1, 2, 3)),
        (NoiseSettings(trainable_layers=0), ()),
        (NoiseSettings(kind="fixed"), ()),
        (NoiseSettings(kind="zero"), ()),
    ],
)
def test_the_first_layers_that_are_not_zeroed_are_searched(settings: NoiseSettings, searched: tuple[int, ...]):
    assert trainable_indices(settings, 5) == searched


def test_a_generator_without_noise_starts_with_its_latent_alone():
    silent = SimpleNamespace(w_dim=16, noise_shapes=(), device=torch.device("cpu"), make_noise=lambda batch, random: [])
    drawn = start(silent, 0, 1, noise=NoiseSettings())
    assert drawn.noise == ()
    assert drawn.latent.shape == (2, 6, 16)
    assert trainable_indices(NoiseSettings(), 0) == ()


def test_a_generator_of_one_noise_input_can_be_started(build_generator: Callable[..., MobileStyleGAN]):
    drawn = start(build_generator(channels=(8,)), 0, layers=2, noise=NoiseSettings())
    assert len(drawn.noise) == 1
    assert drawn.noise[0].eq(0).all()
