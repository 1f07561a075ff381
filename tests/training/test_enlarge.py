from dataclasses import replace
from pathlib import Path

import pytest
import torch.nn.functional as F

from photopulse.networks.enlarge import EnlargeNetSettings
from photopulse.training.batches import BatchOrder
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.enlarge import EnlargeTraining, train_enlarge
from photopulse.training.restoration.pairs import PhotoCrops, photo_pairs

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = EnlargeTraining(
    network=EnlargeNetSettings(width=4, blocks=1),
    optimisation=Optimisation(steps=2, batch_size=2, learning_rate=1e-3, warmup=1),
    weights=LossWeights(perceptual=0),
    crops=PhotoCrops(size=64),
)


def test_the_first_loss_is_that_of_cubic_enlargement(pictures: list[Path], tmp_path: Path):
    states = list(train_enlarge(pictures, TINY, checkpoint=tmp_path / "enlarge.pt", compute=Compute()))
    order = BatchOrder(batch_size=2, seed=0)
    pairs = next(photo_pairs(pictures, TINY.crops, order, recipe=TINY.damage, same_size=False))
    assert pairs.damaged.shape == (2, 3, 32, 32)
    cubic = F.interpolate(pairs.damaged, scale_factor=2, mode="bicubic", align_corners=False)
    assert states[0].losses["pixel"] == pytest.approx((cubic - pairs.sharp).abs().mean().item(), rel=2e-2)
    assert len(states) == 2
    assert states[1].network.settings == TINY.network


def test_a_finished_training_has_nothing_left_to_do(pictures: list[Path], tmp_path: Path):
    one = replace(TINY, optimisation=replace(TINY.optimisation, steps=1))
    assert len(list(train_enlarge(pictures, one, checkpoint=tmp_path / "enlarge.pt", compute=Compute()))) == 1
    assert not list(train_enlarge(pictures, one, checkpoint=tmp_path / "enlarge.pt", compute=Compute()))
