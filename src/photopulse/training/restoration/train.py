"""How the restoration's networks for whole photos learn from pairs of damaged and sharp pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.perceptual import feature_distance
from photopulse.training.adversarial import AdversarialLoss, AdversarialSettings
from photopulse.training.coarse import coarse_loss
from photopulse.training.compute import Compute
from photopulse.training.feature_discriminator import picture_features
from photopulse.training.learner import channels_last, learner_of, seeded_weights
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
    adversarial: AdversarialSettings | None = None,
) -> Iterator[Trained]:
    """Trains a network on pairs of pictures, see ``training_loop``.

    The losses are L1, coarse, perceptual and adversarial, each with its weight.

    Args:
        network: with its first weights.
        batches: makes this process's endless batches from the number of steps that are done.
        settings: settings of the optimisation.
        weights: weights of the losses.
        restore: runs the network.
        checkpoint: file to go on from.
        compute: where to compute.
        adversarial: settings of the adversarial loss; None trains without one.
    """
    # The networks, and what trains them.
    network = channels_last(network.to(compute.device))
    with seeded_weights(settings.seed):
        adversary = None if adversarial is None else AdversarialLoss(adversarial, compute)
    features = load_features(compute.device) if weights.perceptual or adversary else None
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

        # Losses of the features.
        if features is not None:
            of_made, of_sharp = _features_of_half(features, made, pairs, compute)
            losses["perceptual"] = feature_distance(of_made, of_sharp).float().mean()
            loss = loss + weights.perceptual * losses["perceptual"]
            if adversary is not None and adversarial is not None:
                losses["discriminator"] = adversary.update_discriminator(of_sharp, of_made, step)
                losses["adversarial"] = adversary.generator_loss(of_made).mean()
                loss = loss + adversarial.weight * losses["adversarial"]

        learner.minimize(loss, step)
        return losses

    return training_loop(
        take_step,
        batches,
        learner,
        steps=settings.steps,
        checkpoint=checkpoint,
        save_every=settings.save_every,
        others=adversary.parts if adversary else None,
    )


def _features_of_half(
    features: EfficientNetLite0, made: Tensor, pairs: Pairs, compute: Compute
) -> tuple[list[Tensor], list[Tensor]]:
    """Computes feature maps of every second picture, made and sharp: they cost as much as a small network."""
    with compute.autocast():
        with torch.no_grad():
            of_sharp = picture_features(features, pairs.sharp[::2])
        return picture_features(features, made[::2].clamp(0, 1)), of_sharp
