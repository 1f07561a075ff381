"""The training loop of all recipes: it resumes from a checkpoint, yields after each step and saves regularly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from torch import Tensor, nn

from photopulse.training.checkpoints import Stateful, load_checkpoint, save_checkpoint
from photopulse.training.learner import Learner

Batch = TypeVar("Batch")


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """State of a training after a step.

    Attributes:
        step: number of the step, from 1.
        losses: mean losses of the batch, by name.
        network: network with the averaged weights, or with the weights themselves if there is no average.
    """

    step: int
    losses: dict[str, float]
    network: nn.Module


def training_loop(
    take_step: Callable[[Batch, int], Mapping[str, Tensor]],
    batches: Callable[[int], Iterator[Batch]],
    learner: Learner[nn.Module],
    *,
    steps: int,
    checkpoint: Path,
    save_every: int,
    others: Mapping[str, Stateful] | None = None,
) -> Iterator[Trained]:
    """Trains a network and yields after each step; goes on from ``checkpoint`` if it is there.

    Args:
        take_step: learns from a batch in a step, counted from 1, and returns the losses by name, in any shape.
        batches: makes this process's batches from the number of steps that are done.
        learner: the network to train.
        steps: number of the last step.
        checkpoint: file, written by the main process.
        save_every: steps between two checkpoints; the last step is always saved.
        others: further parts of a checkpoint, e.g. a discriminator.

    Raises:
        PhotopulseError: if a loss is infinite or not a number, or the checkpoint is damaged or of another network.
    """
    parts = learner.parts() | dict(others or {})
    done = load_checkpoint(checkpoint, parts)
    for step, batch in enumerate(islice(batches(done), max(steps - done, 0)), start=done + 1):
        losses = take_step(batch, step)
        if learner.compute.is_main and (step % save_every == 0 or step == steps):
            save_checkpoint(checkpoint, step, parts)
        means = {name: loss.mean().item() for name, loss in losses.items()}
        yield Trained(step=step, losses=means, network=learner.result)
