"""Batches that are made in a thread while the network learns from the last one, and their random numbers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeVar

import torch

Batch = TypeVar("Batch")

_SEED_STRIDE: Final = 2**20


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """The batches of a process, endless; batch n depends on the seed and n alone.

    Attributes:
        batch_size: pictures per batch.
        seed: random seed.
        first: number of the first batch.
        every: difference of the numbers of two batches in a row.
    """

    batch_size: int
    seed: int
    first: int = 0
    every: int = 1

    def random(self, number: int) -> torch.Generator:
        """Returns the random generator of a batch."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + number)


def made_ahead(make: Callable[[int], Batch], order: BatchOrder) -> Iterator[Batch]:
    """Yields ``make`` of each batch's number, made in a thread while the batch before is used."""
    # A DataLoader makes batches ahead in processes only: each batch is copied, and a PhotopulseError of the data, which
    # tells the user what to mend, arrives as a RuntimeError.
    with ThreadPoolExecutor(max_workers=1) as pool:
        numbers = count(order.first, order.every)
        ahead = pool.submit(make, next(numbers))
        while True:
            ready = ahead.result()
            ahead = pool.submit(make, next(numbers))
            yield ready


def seeded(seed: int, index: int) -> torch.Generator:
    """Returns the random generator of the draw ``index`` (below a million) of a seed."""
    return torch.Generator().manual_seed(seed * _SEED_STRIDE + index)
