from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.train import restore_plainly, train_restoration

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = Optimisation(steps=4, batch_size=2, learning_rate=1e-2, warmup=2, save_every=2)


def _batches(done: int) -> Iterator[Pairs]:
    """The targets are brighter."""
    while True:
        random = torch.Generator().manual_seed(done)
        dark = torch.rand(2, 3, 16, 16, generator=random) / 2
        yield Pairs(damaged=dark, sharp=dark + 0.25)
        done += 1


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))


def _train(checkpoint: Path, settings: Optimisation = SETTINGS, **others) -> Iterator[Trained]:
    given = {"weights": LossWeights(perceptual=0), "restore": restore_plainly, "compute": Compute()} | others
    return train_restoration(_network(), _batches, settings, checkpoint=checkpoint, **given)


def test_an_interrupted_training_goes_on_to_the_same_network(tmp_path: Path):
    whole = list(_train(tmp_path / "whole.pt"))
    assert [state.step for state in whole] == [1, 2, 3, 4]
    for state in _train(tmp_path / "parts.pt"):
        if state.step == 3:
            break
    parts = list(_train(tmp_path / "parts.pt"))
    assert [state.step for state in parts] == [3, 4]
    assert parts[-1].losses == whole[-1].losses
    for ours, theirs in zip(
        parts[-1].network.state_dict().values(), whole[-1].network.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert not list(_train(tmp_path / "whole.pt"))


def test_the_first_step_is_adam_on_the_l1_distance(tmp_path: Path):
    settings = replace(SETTINGS, steps=1, warmup=0, save_every=1)
    torch.manual_seed(0)
    network, pairs = nn.Conv2d(3, 3, 1), next(_batches(0))
    (state,) = train_restoration(
        deepcopy(network),
        _batches,
        settings,
        weights=LossWeights(perceptual=0),
        restore=restore_plainly,
        checkpoint=tmp_path / "one.pt",
        compute=Compute(),
    )
    with torch.autocast("cpu", torch.bfloat16):
        made = network(pairs.damaged)
    loss = (made.float() - pairs.sharp).abs().mean()
    assert state.losses == {"pixel": pytest.approx(loss.item(), rel=1e-3)}
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    # With one step left of one, the cosine is at its end; Adam's first step is the rate against the sign.
    trained = torch.load(tmp_path / "one.pt", weights_only=True)["network"]
    for name, values in network.named_parameters():
        expected = values.detach() - 1e-2 * 0.02 * values.grad / (values.grad.abs() + 1e-8)
        torch.testing.assert_close(trained[name], expected, rtol=0, atol=2e-6)


def test_the_averaged_network_has_what_the_normalisation_counted(tmp_path: Path):
    (*_, last) = _train(tmp_path / "net.pt")
    network = torch.load(tmp_path / "net.pt", weights_only=True)["network"]
    average = last.network.state_dict()
    assert average["1.num_batches_tracked"] == 4
    assert torch.equal(average["1.running_var"], network["1.running_var"])
    assert not torch.equal(average["0.weight"], network["0.weight"])


@pytest.mark.usefixtures("stage_features")
def test_the_perceptual_loss_is_weighed_in(tmp_path: Path):
    (*_, plain) = _train(tmp_path / "plain.pt")
    (*_, both) = _train(tmp_path / "both.pt", weights=LossWeights(perceptual=10.0))
    assert set(both.losses) == {"pixel", "perceptual"}
    assert not torch.equal(both.network.state_dict()["0.weight"], plain.network.state_dict()["0.weight"])


def test_the_coarse_loss_is_weighed_in(tmp_path: Path):
    (*_, plain) = _train(tmp_path / "plain.pt")
    (*_, both) = _train(tmp_path / "both.pt", weights=LossWeights(perceptual=0, coarse=10.0))
    assert set(both.losses) == {"pixel", "coarse"}
    assert not torch.equal(both.network.state_dict()["0.weight"], plain.network.state_dict()["0.weight"])


def test_only_the_main_process_writes(tmp_path: Path):
    list(_train(tmp_path / "none.pt", compute=Compute(process=1, processes=2)))
    assert not list(tmp_path.iterdir())


def test_a_loss_beyond_numbers_ends_the_training(tmp_path: Path):
    with pytest.raises(PhotopulseError, match="training failed at step 1"):
        list(_train(tmp_path / "net.pt", restore=lambda network, pairs, step: network(pairs.damaged) * torch.nan))
