"""The loop that all networks of the restoration are trained with, from pairs of damaged and sharp pictures."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.perceptual import feature_distance
from photopulse.training.coarse import coarse_distance
from photopulse.training.compute import Compute
from photopulse.training.feature_judge import picture_features
from photopulse.training.judging import Judging, Opponent
from photopulse.training.loop import (
    Stateful,
    Trained,
    averaged_copy,
    channels_last,
    check_finite,
    load_checkpoint,
    move_average,
    save_checkpoint,
    seeded_weights,
)
from photopulse.training.optimisation import Optimisation, set_rate, take_step
from photopulse.training.restoration.pairs import Pairs


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
    judging: Judging | None = None,
) -> Iterator[Trained]:
    """Trains a network on pairs of pictures; yields after each step and goes on from ``checkpoint``.

    The losses are L1, coarse and perceptual distance, each with the weight that ``settings`` have for it.

    Args:
        network: with its first weights.
        batches: makes this process's endless batches from the number of steps done.
        settings: of the training.
        answer: asks the network.
        checkpoint: file, written now and then, and at the end, by the main process.
        compute: where to compute.
        judging: how an opponent takes part, if one does.

    Raises:
        PhotopulseError: the loss grows beyond all numbers, or the checkpoint is of another network.
    """
    network = channels_last(network.to(compute.device))
    average = averaged_copy(network)
    with seeded_weights(settings.seed):
        opponent = None if judging is None else Opponent(judging, compute)
    features = load_features(compute.device) if settings.perceptual_weight or opponent else None
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    parts: dict[str, Stateful] = {"network": network, "average": average, "optimizer": optimizer}
    parts |= opponent.parts if opponent else {}
    done = load_checkpoint(checkpoint, parts)
    for step, pairs in enumerate(islice(batches(done), max(settings.steps - done, 0)), start=done + 1):
        set_rate(optimizer, settings, step)
        pairs = pairs.to(compute.device)
        with compute.autocast():
            made = answer(network, pairs, step)
        losses = {"pixel": (made.float() - pairs.sharp).abs().mean()}
        loss = losses["pixel"]
        if settings.coarse_weight:
            losses["coarse"] = coarse_distance(made, pairs.sharp).mean()
            loss = loss + settings.coarse_weight * losses["coarse"]
        told: dict[str, float] = {}
        if features is not None:
            of_made, of_sharp = _features_of_half(features, made, pairs, compute)
            losses["perceptual"] = feature_distance(of_made, of_sharp).float().mean()
            loss = loss + settings.perceptual_weight * losses["perceptual"]
            if opponent is not None and judging is not None:
                told["judge"] = opponent.learn(of_sharp, of_made, step)
                losses["adversarial"] = opponent.against(of_made).mean()
                loss = loss + judging.weight * losses["adversarial"]
        check_finite(loss, step)
        take_step(optimizer, loss, network, compute)
        move_average(average, network, decay=settings.averaging, step=step)
        copy_statistics(average, network)
        if compute.is_main and (step % settings.save_every == 0 or step == settings.steps):
            save_checkpoint(checkpoint, step, parts)
        told |= {name: part.item() for name, part in losses.items()}
        yield Trained(step=step, losses=told, network=average)


def _features_of_half(
    features: EfficientNetLite0, made: Tensor, pairs: Pairs, compute: Compute
) -> tuple[list[Tensor], list[Tensor]]:
    """Computes feature maps of every second picture, made and sharp: they cost as much as a small network."""
    with compute.autocast():
        with torch.no_grad():
            of_sharp = picture_features(features, pairs.sharp[::2])
        return picture_features(features, made[::2].clamp(0, 1)), of_sharp


def copy_statistics(average: nn.Module, network: nn.Module) -> None:
    """Takes over what batch normalisations counted: it is no weight, and so no average of weights has it."""
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(now)
