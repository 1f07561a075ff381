"""Batches that are made in a thread while the network learns from the last one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

Batch = TypeVar("Batch")


def made_ahead(make: Callable[[int], Batch], first_step: int, every: int = 1) -> Iterator[Batch]:
    """Yields ``make(first_step)``, ``make(first_step + every)`` ..., each made in a thread while the last is used."""
    # A DataLoader makes batches ahead in processes only: each batch is copied, and a PhotopulseError of the data, which
    # tells the user what to mend, arrives as a RuntimeError.
    with ThreadPoolExecutor(max_workers=1) as pool:
        steps = count(first_step, every)
        ahead = pool.submit(make, next(steps))
        while True:
            ready = ahead.result()
            ahead = pool.submit(make, next(steps))
            yield ready
