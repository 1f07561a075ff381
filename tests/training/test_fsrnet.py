import math
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.networks.fsrnet import SMALL, FSRNetSettings, Sharpened, enlarge_bicubic
from photopulse.training.compute import Compute
from photopulse.training.fsrnet.defaults import FSRNET
from photopulse.training.fsrnet.faces import TrainingFace
from photopulse.training.fsrnet.fsrnet import FSRNetTraining, fsrnet_batches, fsrnet_losses, train_fsrnet
from photopulse.training.fsrnet.pairs import FaceBatch

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def settings(tiny: FSRNetSettings) -> FSRNetTraining:
    return FSRNetTraining(network=tiny, optimisation=replace(FSRNET, steps=4, batch_size=2, warmup=2, save_every=2))


def _checkpoint(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(
    faces: list[TrainingFace], settings: FSRNetTraining, tmp_path: Path
):
    straight, broken = tmp_path / "straight.pt", tmp_path / "broken.pt"
    whole = list(train_fsrnet(faces, settings, checkpoint=straight, compute=Compute()))
    # Interrupted in the third step, after the checkpoint of the second.
    first = list(islice(train_fsrnet(faces, settings, checkpoint=broken, compute=Compute()), 3))
    second = list(train_fsrnet(faces, settings, checkpoint=broken, compute=Compute()))
    assert [state.step for state in first + second] == [1, 2, 3, 3, 4]
    assert [state.losses for state in whole] == [state.losses for state in first[:2] + second]
    one, other = _checkpoint(straight), _checkpoint(broken)
    for name in ("network", "average"):
        for key, values in one[name].items():
            assert torch.equal(values, other[name][key]), key
    assert one["step"] == other["step"] == 4


def test_a_finished_training_has_nothing_to_do(faces: list[TrainingFace], settings: FSRNetTraining, tmp_path: Path):
    checkpoint = tmp_path / "checkpoint.pt"
    list(train_fsrnet(faces, settings, checkpoint=checkpoint, compute=Compute()))
    assert list(train_fsrnet(faces, settings, checkpoint=checkpoint, compute=Compute())) == []
    fewer = FSRNetTraining(network=settings.network, optimisation=replace(FSRNET, steps=2, batch_size=2))
    assert list(train_fsrnet(faces, fewer, checkpoint=checkpoint, compute=Compute())) == []


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    faces: list[TrainingFace], tiny: FSRNetSettings, tmp_path: Path
):
    weights = []
    for place, seed in enumerate((0, 0, 1)):
        settings = FSRNetTraining(network=tiny, optimisation=replace(FSRNET, steps=1, batch_size=2, seed=seed))
        (state,) = train_fsrnet(faces, settings, checkpoint=tmp_path / f"{place}.pt", compute=Compute())
        weights.append(state.network.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not all(torch.equal(weights[0][key], weights[2][key]) for key in weights[0])


def test_the_first_step_moves_each_weight_by_adams_learning_rate_at_most(
    faces: list[TrainingFace], tiny: FSRNetSettings, tmp_path: Path
):
    settings = FSRNetTraining(
        network=tiny, optimisation=replace(FSRNET, steps=2, batch_size=2, learning_rate=1e-3, warmup=4, save_every=1)
    )
    states = train_fsrnet(faces, settings, checkpoint=tmp_path / "checkpoint.pt", compute=Compute())
    next(states)
    before = _checkpoint(tmp_path / "checkpoint.pt")["network"]
    next(states)
    after = _checkpoint(tmp_path / "checkpoint.pt")["network"]
    moves = torch.cat([(after[key] - before[key]).abs().flatten() for key in before])
    # Step 2 of a warmup of 4: half of the rate; Adam's second step goes 1.4 times as far at most.
    assert 1e-4 < moves.max() < 1.5 * 0.5e-3


def test_training_makes_pictures_nearer_than_at_the_start(
    faces: list[TrainingFace], tiny: FSRNetSettings, tmp_path: Path
):
    settings = FSRNetTraining(
        network=tiny, optimisation=replace(FSRNET, steps=24, batch_size=2, learning_rate=1e-2, warmup=2, ema_decay=0.8)
    )
    losses = [
        state.losses
        for state in train_fsrnet(faces, settings, checkpoint=tmp_path / "checkpoint.pt", compute=Compute())
    ]
    assert set(losses[0]) == {"fine", "coarse", "landmarks", "parts"}
    for name in losses[0]:
        first, last = (sum(each[name] for each in part) for part in (losses[:5], losses[-5:]))
        assert last < 0.9 * first, name


def test_losses_as_worked_by_hand():
    ones = torch.ones(1, 3, 8, 8)
    landmarks = torch.zeros(1, 32, 4, 4)
    landmarks[0, 0, 0, 0] = 1
    batch = FaceBatch(sharp=ones, small=ones[:, :, :1, :1], landmarks=landmarks, parts=torch.ones(1, 8, 4, 4))
    answer = Sharpened(
        coarse=ones * 0.5, landmarks=torch.zeros(1, 32, 4, 4), parts=torch.zeros(1, 8, 4, 4), fine=ones * 1.25
    )
    losses = {name: loss.item() for name, loss in fsrnet_losses(answer, batch).items()}
    assert losses == pytest.approx(
        {"fine": 0.25, "coarse": 0.5, "landmarks": 31 / (32 * 16), "parts": math.log(2)}, rel=1e-6
    )


def test_batches_have_maps_of_the_networks_size(faces: list[TrainingFace], tiny: FSRNetSettings):
    for network, size in ((tiny, 16), (SMALL, 32)):
        settings = FSRNetTraining(network=network)
        batch = next(fsrnet_batches(faces, settings.crops, network, replace(FSRNET, batch_size=2), Compute(), 0))
        assert batch.landmarks.shape[-1] == batch.parts.shape[-1] == size
        assert enlarge_bicubic(batch.small).shape == batch.sharp.shape == (2, 3, 128, 128)


def test_two_processes_share_the_batches_of_a_training(faces: list[TrainingFace], settings: FSRNetTraining):
    def sharp(count: int, **place: int) -> list[torch.Tensor]:
        batches = fsrnet_batches(faces, settings.crops, settings.network, settings.optimisation, Compute(**place), 0)
        return [batch.sharp for batch in islice(batches, count)]

    alone = sharp(4)
    shared = [sharp(2, process=process, processes=2) for process in range(2)]
    assert all(
        torch.equal(*pair) for pair in zip(alone, [shared[0][0], shared[1][0], *(s[1] for s in shared)], strict=True)
    )


def test_a_training_that_breaks_down_says_so_and_keeps_its_last_checkpoint(
    faces: list[TrainingFace], tiny: FSRNetSettings, tmp_path: Path
):
    settings = FSRNetTraining(
        network=tiny, optimisation=replace(FSRNET, steps=50, batch_size=2, learning_rate=1e30, warmup=0, save_every=100)
    )
    with pytest.raises(PhotopulseError, match="the loss grew beyond all numbers"):
        list(train_fsrnet(faces, settings, checkpoint=tmp_path / "checkpoint.pt", compute=Compute()))
    assert not (tmp_path / "checkpoint.pt").exists()
