import sys

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.training.compute import Compute, find_compute


def test_alone_a_process_is_the_main_one_and_takes_all_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    compute = find_compute("cpu")
    assert compute.is_main
    assert [compute.batch_number(step) for step in range(3)] == [0, 1, 2]


def test_no_two_processes_learn_from_the_same_batch():
    numbers = [Compute(process=process, processes=3).batch_number(step) for step in range(4) for process in range(3)]
    assert numbers == list(range(12))


def test_gradients_become_those_of_the_mean_loss():
    random = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    unused = nn.Linear(2, 2)
    both = nn.ModuleList([network, unused])
    batches = torch.rand(2, 2, 3, 6, 6, generator=random)
    gradients = []
    for batch in batches:
        both.zero_grad()
        network(batch).square().mean().backward()
        gradients.append([values.grad.clone() for values in network.parameters()])
    flat = [torch.cat([gradient.flatten() for gradient in of_process]) for of_process in gradients]

    def mean(mine: torch.Tensor) -> torch.Tensor:
        torch.testing.assert_close(mine, flat[1])
        return (flat[0] + flat[1]) / 2

    Compute(process=1, processes=2, mean=mean).average_gradients(both)
    averaged = [values.grad.clone() for values in network.parameters()]
    network.zero_grad()
    network(batches.flatten(0, 1)).square().mean().backward()
    for values, gradient in zip(network.parameters(), averaged, strict=True):
        torch.testing.assert_close(gradient, values.grad)
    assert unused.weight.grad is None


def test_the_main_process_goes_first():
    calls: list[str] = []
    for process in (0, 1):
        with Compute(process=process, processes=2, wait=lambda: calls.append("wait")).main_first():
            calls.append(f"work {process}")
    assert calls == ["work 0", "wait", "wait", "work 1"]


def test_several_processes_need_accelerate(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(PhotopulseError, match=r"accelerate is not installed.*photopulse\[train\]"):
        find_compute("cpu")


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(PhotopulseError, match="cannot use the device 'toaster'"):
        find_compute("toaster")


def test_among_several_accelerate_says_who_and_where(monkeypatch: pytest.MonkeyPatch):
    class Accelerator:
        device, process_index, num_processes = torch.device("cpu"), 1, 4

        def __init__(self, *, cpu: bool, kwargs_handlers: list) -> None:
            assert cpu

        def reduce(self, tensor: torch.Tensor, reduction: str) -> torch.Tensor:
            assert reduction == "mean"
            return tensor * 10

        def wait_for_everyone(self) -> None:
            waited.append(True)

    class Module:
        class utils:  # noqa: N801
            InitProcessGroupKwargs = staticmethod(lambda timeout: timeout)

    waited: list[bool] = []
    Module.Accelerator = Accelerator
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setitem(sys.modules, "accelerate", Module)
    compute = find_compute("cpu")
    assert (compute.process, compute.processes, compute.is_main) == (1, 4, False)
    assert compute.mean(torch.ones(1)).item() == 10
    compute.wait()
    assert waited == [True]
