"""Batches that are made in a thread while the network learns from the last one, and their random numbers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final, TypeVar

import torch

Batch = TypeVar("Batch")

_SEED_STRIDE: Final = 2**20


def made_ahead(make: Callable[[int], Batch], first_step: int, every: int = 1) -> Iterator[Batch]:
    """Yields ``make(first_step)``, ``make(first_step + every)`` ..., each made in a thread while the last is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        steps = count(first_step, every)
        ahead = pool.submit(make, next(steps))
        while True:
            ready = ahead.result()
            ahead = pool.submit(make, next(steps))
            yield ready


def seeded(seed: int, index: int) -> torch.Generator:
    """Returns the random generator of the draw ``index`` (below a million) of a seed."""
    return torch.Generator().manual_seed(seed * _SEED_STRIDE + index)
