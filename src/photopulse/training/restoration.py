"""The loop that all networks of the restoration are trained with, from pairs of damaged and sharp pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.training.compute import Compute
from photopulse.training.loop import (
    Stateful,
    averaged_copy,
    channels_last,
    check_finite,
    load_checkpoint,
    move_average,
    save_checkpoint,
    warm_cosine,
)
from photopulse.training.photo_pairs import Pairs


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
    averaging: float = 0.998
    save_every: int = 200
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What a training yields after each step: its number from 1, the losses, and the averaged network."""

    step: int
    losses: dict[str, float]
    network: nn.Module


class Answer(Protocol):
    """How a network is asked about a batch."""

    def __call__(self, network: nn.Module, pairs: Pairs, step: int) -> Tensor:
        """Returns what the network makes of the damaged pictures in that step, as large as the sharp ones."""
        ...


def plain_answer(network: nn.Module, pairs: Pairs, step: int) -> Tensor:  # noqa: ARG001
    """Asks a network that takes the damaged pictures and nothing else."""
    return network(pairs.damaged)


def train_restoration(
    network: nn.Module,
    batches: Callable[[int], Iterator[Pairs]],
    settings: Optimisation,
    *,
    answer: Answer,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains a network on pairs by L1 and perceptual distance; yields after each step and goes on from ``checkpoint``.

    Args:
        network: with its first weights.
        batches: makes this process's endless batches from the number of steps done.
        settings: of the training.
        answer: asks the network.
        checkpoint: file, written now and then, and at the end, by the main process.
        compute: where to compute.

    Raises:
        PhotopulseError: the loss grows beyond all numbers, or the checkpoint is of another network.
    """
    network = channels_last(network.to(compute.device))
    average = averaged_copy(network)
    features = load_features(compute.device) if settings.perceptual_weight else None
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    parts: dict[str, Stateful] = {"network": network, "average": average, "optimizer": optimizer}
    done = load_checkpoint(checkpoint, parts)
    for step, pairs in enumerate(islice(batches(done), max(settings.steps - done, 0)), start=done + 1):
        set_rate(optimizer, settings, step)
        pairs = pairs.to(compute.device)
        with compute.autocast():
            made = answer(network, pairs, step)
        losses = _distances(made, pairs, features)
        loss = losses["pixel"] + settings.perceptual_weight * losses.get("perceptual", torch.zeros(()))
        check_finite(loss, step)
        take_step(optimizer, loss, network, compute)
        move_average(average, network, decay=settings.averaging, step=step)
        copy_statistics(average, network)
        if compute.is_main and (step % settings.save_every == 0 or step == settings.steps):
            save_checkpoint(checkpoint, step, parts)
        yield Trained(step=step, losses={name: part.item() for name, part in losses.items()}, network=average)


def _distances(made: Tensor, pairs: Pairs, features: EfficientNetLite0 | None) -> dict[str, Tensor]:
    """Measures both distances, the perceptual one, which costs as much as a small network, on half of the pictures."""
    losses = {"pixel": (made.float() - pairs.sharp).abs().mean()}
    if features is not None:
        with torch.autocast(made.device.type, torch.bfloat16):
            losses["perceptual"] = perceptual_distance(features, made[::2].clamp(0, 1), pairs.sharp[::2]).float().mean()
    return losses


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


def copy_statistics(average: nn.Module, network: nn.Module) -> None:
    """Takes over what batch normalisations counted: it is no weight, and so no average of weights has it."""
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(now)
