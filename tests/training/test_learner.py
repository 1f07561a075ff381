import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.training.compute import Compute
from photopulse.training.learner import Learner, averaged_copy, channels_last, move_average, seeded_weights

BETAS = (0.9, 0.99)


def _network() -> nn.Linear:
    with seeded_weights(0):
        return nn.Linear(2, 1)


def _loss(network: nn.Module, factor: float = 1.0) -> torch.Tensor:
    return factor * network(torch.tensor([[1.0, -2.0]])).square().sum()


def test_a_step_is_adams_with_the_gradient_cut_at_a_norm_of_one():
    network = _network()
    twin = deepcopy(network)
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.1, betas=BETAS)
    learner = Learner(network, Compute(), learning_rate=0.1, betas=BETAS)
    for step, factor in enumerate((1000.0, 1e-3), start=1):
        learner.minimize(_loss(network, factor), step)
        optimizer.zero_grad()
        _loss(twin, factor).backward()
        norm = math.sqrt(sum(values.grad.square().sum().item() for values in twin.parameters()))
        for values in twin.parameters():
            values.grad /= max(norm, 1.0)
        optimizer.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_learning_rate_follows_the_schedule():
    network = _network()
    before = deepcopy(network)
    learner = Learner(network, Compute(), learning_rate=0.1, betas=BETAS, schedule=lambda step: step / 4)
    learner.minimize(_loss(network), 3)
    # Adam's first step is the learning rate.
    assert (network.weight - before.weight).abs().tolist()[0] == pytest.approx([0.075] * 2, rel=1e-3)


def test_the_result_is_the_average_or_without_one_the_network_itself():
    network = _network()
    start = deepcopy(network)
    averaged = Learner(network, Compute(), learning_rate=0.1, betas=BETAS, ema_decay=0.9)
    averaged.minimize(_loss(network), 1)
    # In the first step, start and network count the same.
    torch.testing.assert_close(averaged.result.weight, (start.weight + network.weight) / 2)
    assert Learner(network, Compute(), learning_rate=0.1, betas=BETAS).result is network


def test_what_a_checkpoint_keeps_has_the_prefix_in_its_name():
    learner = Learner(_network(), Compute(), learning_rate=0.1, betas=BETAS)
    assert set(learner.parts("discriminator_")) == {"discriminator_network", "discriminator_optimizer"}
    averaged = Learner(_network(), Compute(), learning_rate=0.1, betas=BETAS, ema_decay=0.9)
    assert set(averaged.parts()) == {"network", "optimizer", "average"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_beyond_numbers_ends_the_training_before_it_spoils_the_weights(value: float):
    network = _network()
    before = deepcopy(network)
    learner = Learner(network, Compute(), learning_rate=0.1, betas=BETAS, ema_decay=0.9)
    with pytest.raises(PhotopulseError, match=r"training failed at step 3.*--lr"):
        learner.minimize(_loss(network) * value, 3)
    assert torch.equal(network.weight, before.weight)
    assert torch.equal(learner.result.weight, before.weight)


def test_averages_are_plain_means_at_first_and_then_move_by_the_decay():
    network = nn.Linear(1, 1, bias=False)
    average = averaged_copy(network, 0.9)
    values = [1.0, 2.0, 6.0]
    with torch.no_grad():
        average.module.weight.fill_(0.0)
        for step, value in enumerate(values, start=1):
            network.weight.fill_(value)
            move_average(average, network, step)
        # The start counts as one value among four.
        assert average.module.weight.item() == pytest.approx(sum(values) / 4)
        move_average(average, network.requires_grad_(False), 1000)
    assert average.module.weight.item() == pytest.approx(sum(values) / 4 * 0.9 + 0.6)


def test_the_average_is_frozen_and_the_network_is_not():
    network = nn.Linear(2, 2)
    average = averaged_copy(network, 0.9).module
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert not average.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert network.training


def test_statistics_of_batch_normalisation_are_copied_to_the_average():
    network = nn.BatchNorm1d(2)
    average = averaged_copy(network, 0.9)
    network(torch.randn(8, 2) + 3)
    move_average(average, network, 1)
    assert average.module.num_batches_tracked == 1
    assert torch.equal(average.module.running_mean, network.running_mean)


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
