import math
from pathlib import Path

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.training.loop import (
    averaged_copy,
    channels_last,
    check_finite,
    load_checkpoint,
    move_average,
    save_checkpoint,
    seeded_weights,
    warm_cosine,
)


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine():
    factors = [warm_cosine(step, steps=110, warmup=10) for step in (0, 5, 10, 60, 110, 200)]
    assert factors == pytest.approx([0, 0.5, 1, 0.01 + 0.99 / 2, 0.01, 0.01])
    assert warm_cosine(35, steps=110, warmup=10) == pytest.approx(0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2)


def test_it_falls_from_the_start_without_a_warmup():
    assert warm_cosine(0, steps=10, warmup=0) == 1


def test_averages_are_plain_means_at_first_and_then_move_by_the_decay():
    network = nn.Linear(1, 1, bias=False)
    average = averaged_copy(network)
    values = [1.0, 2.0, 6.0]
    with torch.no_grad():
        average.weight.fill_(0.0)
        for step, value in enumerate(values, start=1):
            network.weight.fill_(value)
            move_average(average, network, decay=0.9, step=step)
        # The start counts as one value among four.
        assert average.weight.item() == pytest.approx(sum(values) / 4)
        move_average(average, network.requires_grad_(False), decay=0.9, step=1000)
    assert average.weight.item() == pytest.approx(sum(values) / 4 * 0.9 + 0.6)


def test_the_average_is_frozen_and_the_network_is_not():
    network = nn.Linear(2, 2)
    average = averaged_copy(network)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert not average.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert network.training


def test_seeded_weights_repeat_and_leave_other_randomness_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with seeded_weights(5):
        first = nn.Linear(3, 3)
    assert torch.equal(torch.rand(2), expected)
    with seeded_weights(5):
        assert torch.equal(nn.Linear(3, 3).weight, first.weight)
    with seeded_weights(6):
        assert not torch.equal(nn.Linear(3, 3).weight, first.weight)


def test_channels_last_is_about_memory_only():
    image = torch.rand(1, 3, 4, 5)
    assert torch.equal(channels_last(image), image)
    assert channels_last(image).stride() == (60, 1, 15, 3)
    assert channels_last(nn.Conv2d(4, 4, 3)).weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_beyond_numbers_ends_the_training(value: float):
    check_finite(torch.tensor(1.0), 3)
    with pytest.raises(PhotopulseError, match=r"training failed at step 3.*--lr"):
        check_finite(torch.tensor(value), 3)


def _trained(seed: int) -> tuple[nn.Linear, torch.optim.Adam]:
    with seeded_weights(seed):
        network = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    _step(network, optimizer, 1.0)
    return network, optimizer


def _step(network: nn.Linear, optimizer: torch.optim.Adam, value: float) -> None:
    optimizer.zero_grad()
    network(torch.full((1, 2), value)).square().sum().backward()
    optimizer.step()


def test_after_a_checkpoint_a_network_and_its_optimiser_go_on_as_they_would_have(tmp_path: Path):
    path = tmp_path / "new" / "checkpoint.pt"
    network, optimizer = _trained(0)
    save_checkpoint(path, 17, {"network": network, "optimizer": optimizer})
    other, others = _trained(1)
    assert load_checkpoint(path, {"network": other, "optimizer": others}) == 17
    _step(network, optimizer, -3.0)
    _step(other, others, -3.0)
    assert torch.equal(other.weight, network.weight)
    # With the same weights but the optimiser's state of another training, the step is another one.
    fresh, _ = _trained(2)
    assert load_checkpoint(path, {"network": fresh}) == 17
    _step(fresh, torch.optim.Adam(fresh.parameters(), lr=0.1), -3.0)
    assert not torch.equal(fresh.weight, network.weight)


def test_without_a_file_training_starts_at_zero_and_nothing_changes(tmp_path: Path):
    network, _ = _trained(0)
    assert load_checkpoint(tmp_path / "none.pt", {"network": network}) == 0
    assert torch.equal(network.weight, _trained(0)[0].weight)


def test_damaged_checkpoints_and_those_of_other_networks_are_refused(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, 1, {"network": nn.Linear(2, 1)})
    with pytest.raises(PhotopulseError, match=r"cannot go on from .*checkpoint\.pt"):
        load_checkpoint(path, {"network": nn.Linear(3, 1)})
    with pytest.raises(PhotopulseError, match="cannot go on"):
        load_checkpoint(path, {"judge": nn.Linear(2, 1)})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PhotopulseError, match="remove it to start anew"):
        load_checkpoint(path, {"network": nn.Linear(2, 1)})


def test_a_checkpoint_with_foreign_code_is_never_run(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"

    class Foreign:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"step": 1, "network": Foreign()}, path)
    with pytest.raises(PhotopulseError):
        load_checkpoint(path, {"network": nn.Linear(2, 1)})
    assert not (tmp_path / "ran").exists()
