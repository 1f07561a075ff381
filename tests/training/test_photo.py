from dataclasses import replace
from pathlib import Path

import pytest
import torch

from photopulse.degrade.photo import TRAINING, Amount, DamageRecipe
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.training.batches import BatchOrder
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.pairs import Pairs, PhotoCrops, photo_pairs
from photopulse.training.restoration.photo import PhotoTraining, cleaned_small, photo_restorer, train_photo

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = PhotoTraining(
    network=PhotoNetSettings(widths=(8, 8), blocks=(1, 1)),
    optimisation=Optimisation(steps=2, batch_size=2, learning_rate=1e-3, warmup=1),
    weights=LossWeights(perceptual=0),
    crops=PhotoCrops(size=64),
    damage=TRAINING,
    again=0,
)


def test_the_first_loss_is_the_distance_of_the_damage(pictures: list[Path], tmp_path: Path):
    """The untrained network changes nothing."""
    states = list(train_photo(pictures, TINY, checkpoint=tmp_path / "photo.pt", compute=Compute()))
    assert [state.step for state in states] == [1, 2]
    first = next(photo_pairs(pictures, TINY.crops, BatchOrder(batch_size=2, seed=0)))
    assert states[0].losses["pixel"] == pytest.approx((first.damaged - first.sharp).abs().mean().item(), rel=1e-2)


def test_it_begins_with_the_weights_that_it_is_given(pictures: list[Path], tmp_path: Path):
    begun = PhotoNet(TINY.network)
    torch.nn.init.normal_(begun.last.weight, std=0.1)
    first = next(train_photo(pictures, TINY, start=begun, checkpoint=tmp_path / "photo.pt", compute=Compute()))
    pairs = next(photo_pairs(pictures, TINY.crops, BatchOrder(batch_size=2, seed=0)))
    with torch.no_grad():
        distance = (begun(pairs.damaged) - pairs.sharp).abs().mean().item()
    assert first.losses["pixel"] == pytest.approx(distance, rel=2e-2)
    assert distance != pytest.approx((pairs.damaged - pairs.sharp).abs().mean().item(), rel=5e-2)


def test_the_second_of_two_processes_learns_from_batches_of_its_own(pictures: list[Path], tmp_path: Path):
    compute = Compute(process=1, processes=2)
    first = next(train_photo(pictures, TINY, checkpoint=tmp_path / "photo.pt", compute=compute))
    theirs = next(photo_pairs(pictures, TINY.crops, BatchOrder(batch_size=2, seed=0, first=1)))
    assert first.losses["pixel"] == pytest.approx((theirs.damaged - theirs.sharp).abs().mean().item(), rel=1e-2)


def test_it_learns_to_remove_noise(pictures: list[Path], tmp_path: Path):
    noisy = replace(
        TINY,
        damage=DamageRecipe(noise=Amount(20, 20)),
        optimisation=replace(TINY.optimisation, steps=120, learning_rate=1e-2, batch_size=4, ema_decay=0.9),
    )
    (*_, last) = train_photo(pictures, noisy, checkpoint=tmp_path / "photo.pt", compute=Compute())
    pairs = next(photo_pairs(pictures, TINY.crops, BatchOrder(batch_size=4, seed=9), recipe=noisy.damage))
    with torch.no_grad():
        restored = last.network(pairs.damaged)
    assert (restored - pairs.sharp).abs().mean() < 0.95 * (pairs.damaged - pairs.sharp).abs().mean()


def test_in_their_share_of_the_steps_pictures_are_cleaned_at_half_of_the_size_first():
    pairs = Pairs(damaged=torch.full((2, 3, 16, 32), 0.5), sharp=torch.ones(2, 3, 16, 32))
    restore, twice = photo_restorer(replace(TINY, again=0.5)), 0
    for step in range(400):
        seen: list[tuple[tuple[int, ...], bool]] = []

        class Spy(torch.nn.Module):
            def forward(self, photo: torch.Tensor, seen: list[tuple[tuple[int, ...], bool]] = seen) -> torch.Tensor:
                seen.append((tuple(photo.shape[2:]), torch.is_grad_enabled()))
                return photo + 0.1

        made = restore(Spy(), pairs, step)
        again = len(seen) == 2
        assert seen == ([((8, 16), False)] if again else []) + [((16, 32), True)]
        torch.testing.assert_close(made, torch.full_like(made, 0.7 if again else 0.6))
        twice += again
    assert 160 <= twice <= 240  # Four standard errors.


def test_what_was_cleaned_small_stays_within_a_picture():
    bright = cleaned_small(torch.nn.Identity(), torch.full((1, 3, 8, 9), 1.5))
    assert bright.shape == (1, 3, 8, 9)
    assert bright.max() == 1
