"""How the restoration's networks for whole photos learn from pairs of damaged and sharp pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from photopulse.metrics.features import load_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.training.coarse import coarse_loss
from photopulse.training.compute import Compute
from photopulse.training.learner import channels_last, learner_of
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.pairs import Pairs


class Restorer(Protocol):
    """Runs a network on a batch."""

    def __call__(self, network: nn.Module, pairs: Pairs, step: int) -> Tensor:
        """Returns what the network makes of the damaged pictures in that step, as large as the sharp ones."""
        ...


def restore_plainly(network: nn.Module, pairs: Pairs, step: int) -> Tensor:  # noqa: ARG001
    """Runs a network that takes the damaged pictures and nothing else."""
    return network(pairs.damaged)


def train_restoration(
    network: nn.Module,
    batches: Callable[[int], Iterator[Pairs]],
    settings: Optimisation,
    *,
    weights: LossWeights,
    restore: Restorer,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains a network on pairs of pictures, see ``training_loop``.

    The losses are L1, coarse and perceptual, each with its weight.

    Args:
        network: with its first weights.
        batches: makes this process's endless batches from the number of steps that are done.
        settings: settings of the optimisation.
        weights: weights of the losses.
        restore: runs the network.
        checkpoint: file to go on from.
        compute: where to compute.
    """
    # The networks, and what trains them.
    network = channels_last(network.to(compute.device))
    features = load_features(compute.device) if weights.perceptual else None
    learner = learner_of(network, compute, settings)

    def take_step(pairs: Pairs, step: int) -> dict[str, Tensor]:
        pairs = pairs.to(compute.device)
        with compute.autocast():
            made = restore(network, pairs, step)

        # Losses of the pixels.
        losses = {"pixel": (made.float() - pairs.sharp).abs().mean()}
        loss = losses["pixel"]
        if weights.coarse:
            losses["coarse"] = coarse_loss(made, pairs.sharp).mean()
            loss = loss + weights.coarse * losses["coarse"]

        # That of the features, for every second picture: they cost as much as a small network.
        if features is not None:
            with compute.autocast():
                distances = perceptual_distance(features, made[::2].clamp(0, 1), pairs.sharp[::2])
            losses["perceptual"] = distances.float().mean()
            loss = loss + weights.perceptual * losses["perceptual"]

        learner.minimize(loss, step)
        return losses

    return training_loop(
        take_step,
        batches,
        learner,
        steps=settings.steps,
        checkpoint=checkpoint,
        save_every=settings.save_every,
    )
