from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from photopulse.networks.fsrnet import FSRNet, FSRNetSettings
from photopulse.training.compute import Compute
from photopulse.training.fsrnet.defaults import FSRGAN
from photopulse.training.fsrnet.faces import TrainingFace
from photopulse.training.fsrnet.fsrgan import FSRGANTraining, train_fsrgan
from photopulse.training.learner import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread", "small_discriminator")

SETTINGS = FSRGANTraining(optimisation=replace(FSRGAN, steps=2, batch_size=2, save_every=1))


@pytest.fixture
def start(tiny: FSRNetSettings) -> FSRNet:
    with seeded_weights(0):
        return FSRNet(tiny).requires_grad_(False)


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(
    faces: list[TrainingFace], start: FSRNet, tmp_path: Path
):
    straight, broken = tmp_path / "straight.pt", tmp_path / "broken.pt"
    whole = list(train_fsrgan(faces, start, SETTINGS, checkpoint=straight, compute=Compute()))
    parts = [
        state
        for _ in range(2)
        for state in islice(train_fsrgan(faces, start, SETTINGS, checkpoint=broken, compute=Compute()), 1)
    ]
    for one, other in zip(whole, parts, strict=True):
        assert one.step == other.step
        assert one.losses == pytest.approx(other.losses, rel=1e-4)
    one, other = (torch.load(path, weights_only=True) for path in (straight, broken))
    for name in ("network", "average", "discriminator_network"):
        for key, values in one[name].items():
            # Torch sums the discriminator's bias gradients in an order that differs from run to run.
            torch.testing.assert_close(values, other[name][key], rtol=0, atol=1e-5)


def test_it_starts_from_the_network_and_leaves_that_as_it_is(faces: list[TrainingFace], start: FSRNet, tmp_path: Path):
    before = {name: values.clone() for name, values in start.state_dict().items()}
    settings = FSRGANTraining(optimisation=replace(FSRGAN, steps=1, batch_size=2, learning_rate=1e-4))
    (state,) = train_fsrgan(faces, start, settings, checkpoint=tmp_path / "checkpoint.pt", compute=Compute())
    trained = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    moves = torch.cat([(trained[name] - values).abs().flatten() for name, values in before.items()])
    assert 0 < moves.max() < 1.01e-4
    assert all(torch.equal(values, before[name]) for name, values in start.state_dict().items())
    assert set(state.losses) == {"fine", "coarse", "landmarks", "parts", "adversarial", "perceptual", "discriminator"}


def test_the_adversarial_and_the_perceptual_loss_take_part(faces: list[TrainingFace], start: FSRNet, tmp_path: Path):
    def trained(name: str, **weights: float) -> torch.Tensor:
        settings = FSRGANTraining(optimisation=replace(FSRGAN, steps=1, batch_size=2), **weights)
        (state,) = train_fsrgan(faces, start, settings, checkpoint=tmp_path / f"{name}.pt", compute=Compute())
        return torch.cat([values.flatten() for values in state.network.state_dict().values()])

    usual = trained("usual")
    assert not torch.equal(trained("not adversarial", adversarial_weight=0.0), usual)
    assert not torch.equal(trained("not perceptual", perceptual_weight=0.0), usual)


def test_a_finished_training_has_nothing_to_do(faces: list[TrainingFace], start: FSRNet, tmp_path: Path):
    settings = FSRGANTraining(optimisation=replace(FSRGAN, steps=1, batch_size=2))
    for expected in (1, 0):
        assert (
            len(list(train_fsrgan(faces, start, settings, checkpoint=tmp_path / "checkpoint.pt", compute=Compute())))
            == expected
        )
