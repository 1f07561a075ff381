"""Where a training computes: on one device, or on several with one process each."""

import importlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import torch
from torch import Tensor, nn

from photopulse.devices import check_device
from photopulse.errors import PhotopulseError
from photopulse.extras import install_command
from photopulse.training.batches import BatchOrder

# The other processes wait while the main one searches many thousand photos for faces.
_TIMEOUT = timedelta(days=2)


def _itself(tensor: Tensor) -> Tensor:
    return tensor


def _at_once() -> None:
    """Waits for nobody."""


@dataclass(frozen=True, kw_only=True)
class Compute:
    """The rank and device of a process in a training, by default the only process.

    The processes hold equal weights, each learns from batches of its own, and before every step their gradients are
    averaged: n processes train as one with batches n times as large does. Networks are not wrapped, so that
    adversarial training and checkpoints need nothing special.

    Attributes:
        device: device of this process.
        process: rank of this process, from 0.
        processes: number of processes.
        mean: averages a tensor over the processes; all must call it.
        wait: returns when all processes have called it.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    process: int = 0
    processes: int = 1
    mean: Callable[[Tensor], Tensor] = _itself
    wait: Callable[[], None] = _at_once

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and reports progress."""
        return self.process == 0

    def batch_number(self, step: int) -> int:
        """Returns the number of this process's batch in a step; no other process has the same."""
        return step * self.processes + self.process

    def order(self, done: int, *, batch_size: int, seed: int) -> BatchOrder:
        """Returns the order of this process's batches after ``done`` steps."""
        return BatchOrder(batch_size=batch_size, seed=seed, first=self.batch_number(done), every=self.processes)

    def autocast(self) -> torch.autocast:
        """Returns a context in which convolutions compute in bfloat16."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def average_gradients(self, network: nn.Module) -> None:
        """Averages the gradients of a network over the processes, in one message."""
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        if self.processes == 1 or not gradients:
            return
        mean = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(mean, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    @contextmanager
    def main_first(self) -> Generator[None]:
        """Lets the main process run the block first; the others run it when its files are written."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()


def find_compute(device: str) -> Compute:
    """Returns the rank and device that ``accelerate launch`` gave this process, or else a single process on ``device``.

    Among several processes each has the GPU of its rank, or the CPU if ``device`` is "cpu".

    Raises:
        PhotopulseError: for a device that is not there, and among several processes without accelerate.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return _among_several(on_cpu=torch.device(device).type == "cpu")
    return single_process(device)


def single_process(device: str) -> Compute:
    """Returns a single process on a device. Raises PhotopulseError for a device that is not there."""
    check_device(device)
    return Compute(device=torch.device(device))


def _among_several(*, on_cpu: bool) -> Compute:
    try:
        # An optional dependency without which type checkers must do.
        accelerate = cast(Any, importlib.import_module("accelerate"))
    except ImportError as error:
        raise PhotopulseError(
            "cannot train in several processes",
            why="accelerate is not installed",
            fix=f"run `{install_command('train')}`, or start one process",
        ) from error
    options = accelerate.utils.InitProcessGroupKwargs(timeout=_TIMEOUT)
    accelerator = accelerate.Accelerator(cpu=on_cpu, kwargs_handlers=[options])
    return Compute(
        device=accelerator.device,
        process=accelerator.process_index,
        processes=accelerator.num_processes,
        mean=lambda tensor: accelerator.reduce(tensor, reduction="mean"),
        wait=accelerator.wait_for_everyone,
    )
