from collections.abc import Iterator
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn

from photopulse.training.compute import Compute
from photopulse.training.learner import Learner, seeded_weights
from photopulse.training.loop import Trained, training_loop


def _batches(done: int) -> Iterator[Tensor]:
    """Each batch depends on its number alone."""
    for number in count(done):
        yield torch.randn(4, 2, generator=torch.Generator().manual_seed(number))


def _train(checkpoint: Path, *, steps: int = 5, compute: Compute | None = None) -> Iterator[Trained]:
    with seeded_weights(0):
        network = nn.Linear(2, 1)
    learner = Learner(network, compute or Compute(), learning_rate=0.1, betas=(0.9, 0.99), ema_decay=0.9)

    def take_step(batch: Tensor, step: int) -> dict[str, Tensor]:
        errors = (network(batch) - batch.sum(dim=1, keepdim=True)).square()
        learner.minimize(errors.mean(), step)
        return {"error": errors}

    return training_loop(take_step, _batches, learner, steps=steps, checkpoint=checkpoint, save_every=2)


def test_each_step_yields_its_number_and_the_mean_losses(tmp_path: Path):
    states = list(_train(tmp_path / "a.pt", steps=30))
    assert [state.step for state in states] == list(range(1, 31))
    batch = next(_batches(0))
    with seeded_weights(0):
        errors = (nn.Linear(2, 1)(batch) - batch.sum(dim=1, keepdim=True)).square()
    assert states[0].losses == {"error": errors.mean().item()}
    assert states[-1].losses["error"] < 0.2 * states[0].losses["error"]


def test_an_interrupted_training_goes_on_from_its_last_checkpoint_to_the_same_weights(tmp_path: Path):
    whole = list(_train(tmp_path / "whole.pt"))
    for state in _train(tmp_path / "parts.pt"):
        if state.step == 3:
            break
    parts = list(_train(tmp_path / "parts.pt"))
    assert [(state.step, state.losses) for state in parts] == [(state.step, state.losses) for state in whole[2:]]
    for ours, theirs in zip(parts[-1].network.parameters(), whole[-1].network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_checkpoint_is_written_every_so_many_steps_and_after_the_last_one(tmp_path: Path):
    checkpoint, saved = tmp_path / "a.pt", []
    for _ in _train(checkpoint):
        saved.append(torch.load(checkpoint, weights_only=True)["step"] if checkpoint.exists() else 0)
    assert saved == [0, 2, 2, 4, 5]


def test_a_finished_training_has_nothing_to_do_and_neither_has_one_of_fewer_steps(tmp_path: Path):
    list(_train(tmp_path / "a.pt"))
    assert list(_train(tmp_path / "a.pt")) == []
    assert list(_train(tmp_path / "a.pt", steps=3)) == []


def test_only_the_main_process_writes_checkpoints(tmp_path: Path):
    list(_train(tmp_path / "a.pt", compute=Compute(process=1, processes=2)))
    assert not list(tmp_path.iterdir())
