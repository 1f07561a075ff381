"""Trains the network that finds scratches, creases, dust, spots and tears."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings
from photopulse.training.compute import Compute
from photopulse.training.learner import channels_last, learner_of
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import DAMAGE_MASK
from photopulse.training.restoration.start import first_network
from photopulse.training.restoration.worn import Worn, WornCrops, worn_batches


@dataclass(frozen=True, kw_only=True)
class DamageMaskTraining:
    """Settings of the damage network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        crops: how crops are made and worn.
        overlap: weight of the overlap loss; that of the cross-entropy is 1.
        damaged: weight of a damaged pixel in the cross-entropy; one pixel in twenty is damaged.
    """

    network: DamageMaskSettings = field(default_factory=DamageMaskSettings)
    optimisation: Optimisation = DAMAGE_MASK
    crops: WornCrops = field(default_factory=WornCrops)
    overlap: float = 0.5
    damaged: float = 4.0


def train_damage_mask(
    files: Sequence[Path],
    settings: DamageMaskTraining,
    *,
    start: DamageMaskNet | None = None,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the damage network, see ``training_loop``.

    Without a checkpoint it begins with the weights of ``start``, or with random ones if that is None.
    """
    optimisation = settings.optimisation
    # The network and its optimiser.
    network = first_network(lambda: DamageMaskNet(settings.network), start, seed=optimisation.seed)
    learner = learner_of(channels_last(network.to(compute.device)), compute, optimisation)
    weight = torch.tensor(settings.damaged, device=compute.device)

    def take_step(worn: Worn, step: int) -> dict[str, Tensor]:
        worn = worn.to(compute.device)
        with compute.autocast():
            logits = learner.network(worn.picture).float()
        # Cross-entropy judges each pixel, the overlap makes up for how few are damaged.
        losses = {
            "entropy": F.binary_cross_entropy_with_logits(logits, worn.mask, pos_weight=weight),
            "overlap": overlap_loss(logits.sigmoid(), worn.mask),
        }
        learner.minimize(losses["entropy"] + settings.overlap * losses["overlap"], step)
        return {name: loss.detach() for name, loss in losses.items()}

    batches = worn_batches(files, settings.crops, optimisation, compute)
    return training_loop(
        take_step,
        batches,
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
    )


def overlap_loss(found: Tensor, mask: Tensor) -> Tensor:
    """Returns one minus the soft F1 score of a whole batch (Milletari et al. 2016); few pixels are damaged."""
    return 1 - 2 * (found * mask).sum() / (found.sum() + mask.sum()).clamp(min=1)
