"""Chooses the number of threads with which PyTorch computes on the processor."""

import time
from typing import Final

import torch
import torch.nn.functional as F

_ROUNDS: Final = 4
_GAIN: Final = 0.9  # More threads must take at most this share of the time, or they are not worth their cores.


def fastest_threads(most: int) -> int:
    """Returns 1 or ``most``: the number of threads that is faster now, measured in less than a second, mostly.

    Threads wait for each other at every layer. On cores that are busy with other work they can be many times slower
    than one. The process's number of threads is the same afterwards.
    """
    before, seconds = torch.get_num_threads(), {1: 0.0, most: 0.0}
    try:
        # In turn, so that what the machine does meanwhile slows both.
        for _ in range(_ROUNDS):
            for threads in seconds:
                torch.set_num_threads(threads)
                started = time.perf_counter()
                _work()
                seconds[threads] += time.perf_counter() - started
    finally:
        torch.set_num_threads(before)
    return most if seconds[most] < _GAIN * seconds[1] else 1


def _work() -> None:
    """Computes what takes most of a search's time: convolutions of small pictures, forwards and backwards."""
    features = torch.ones(1, 256, 16, 16, requires_grad=True)
    weight = torch.full((256, 256, 3, 3), 1e-3)
    result = features
    for _ in range(4):
        result = F.leaky_relu(F.conv2d(result, weight, padding=1))
    torch.autograd.grad(result.sum(), features)
