from pathlib import Path

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.training.checkpoints import load_checkpoint, save_checkpoint
from photopulse.training.learner import seeded_weights


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


def test_after_a_checkpoint_a_network_and_its_optimizer_go_on_as_they_would_have(tmp_path: Path):
    path = tmp_path / "new" / "checkpoint.pt"
    network, optimizer = _trained(0)
    save_checkpoint(path, 17, {"network": network, "optimizer": optimizer})
    other, others = _trained(1)
    assert load_checkpoint(path, {"network": other, "optimizer": others}) == 17
    _step(network, optimizer, -3.0)
    _step(other, others, -3.0)
    assert torch.equal(other.weight, network.weight)
    # With the same weights but the optimizer's state of another training, the step is another one.
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
        load_checkpoint(path, {"discriminator": nn.Linear(2, 1)})
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
