"""Settings of an optimisation, and its learning rate schedule; loads without torch, for ``--help``."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """Settings of the training of one network with Adam.

    Attributes:
        steps: number of batches.
        batch_size: pictures per batch and process.
        learning_rate: highest learning rate of Adam.
        warmup: steps until the highest learning rate.
        last_rate: learning rate at the end, as a share of the highest.
        ema_decay: decay of the exponential moving average of the weights, in [0, 1).
        save_every: steps between two checkpoints.
        seed: random seed for initial weights and data.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup: int = 100
    last_rate: float = 0.02
    ema_decay: float = 0.998
    save_every: int = 200
    seed: int = 0

    def schedule(self, step: int) -> float:
        """Returns the factor of the learning rate in a step, counted from 1."""
        return warm_cosine(step, steps=self.steps, warmup=self.warmup, last=self.last_rate)


def warm_cosine(step: int, *, steps: int, warmup: int, last: float = 0.01) -> float:
    """Returns the factor of the learning rate: up a line for ``warmup`` steps, then down a cosine to ``last``."""
    if step < warmup:
        return step / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return last + (1 - last) * (1 + math.cos(math.pi * progress)) / 2
