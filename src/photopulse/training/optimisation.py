"""How weights are moved: the settings of an optimiser, its rate at each step, the step."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from photopulse.training.compute import Compute
from photopulse.training.loop import warm_cosine


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How weights are moved.

    Attributes:
        steps: batches in all.
        batch_size: pictures in each.
        learning_rate: of Adam, at its highest.
        warmup: steps until then.
        last_rate: share of it that is left at the end.
        perceptual_weight: of the distance of EfficientNet-Lite0's features; the L1 distance has the weight 1.
        coarse_weight: of ``coarse_distance``.
        averaging: of the weights that are kept: each step's count 1 - this.
        save_every: steps between two checkpoints.
        seed: of weights and data.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup: int = 100
    last_rate: float = 0.02
    perceptual_weight: float = 0.1
    coarse_weight: float = 0.0
    averaging: float = 0.998
    save_every: int = 200
    seed: int = 0


def set_rate(optimizer: torch.optim.Optimizer, settings: Optimisation, step: int, *, factor: float = 1.0) -> None:
    """Sets the learning rate of a step, times ``factor``."""
    share = warm_cosine(step, steps=settings.steps, warmup=settings.warmup, last=settings.last_rate)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * share * factor * cast(float, group.get("share", 1.0))


def take_step(optimizer: torch.optim.Optimizer, loss: Tensor, network: nn.Module, compute: Compute) -> None:
    """Moves the weights against the gradient, the mean of all processes, cut at a norm of 1."""
    optimizer.zero_grad()
    loss.backward()
    compute.average_gradients(network)
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
