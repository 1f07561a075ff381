"""Trains FSRNet on aligned faces (Chen et al., CVPR 2018, section 3.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.fsrnet import SIZE, SMALL, SMALL_SIZE, FSRNet, FSRNetSettings, Sharpened, enlarge_bicubic
from photopulse.training.compute import Compute
from photopulse.training.fsrnet.defaults import FSRNET
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace
from photopulse.training.fsrnet.pairs import FaceBatch, batches
from photopulse.training.learner import channels_last, learner_of, seeded_weights
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation


@dataclass(frozen=True, kw_only=True)
class FSRNetTraining:
    """Settings of FSRNet's training.

    Attributes:
        network: sizes of the network.
        crops: how faces are cropped.
        optimisation: settings of the optimisation.
        coarse_weight: weight of the coarse picture's L1 distance; the fine one's has the weight 1.
        geometry_weight: weight of the errors of heatmaps and part maps.
    """

    network: FSRNetSettings = SMALL
    crops: CropSettings = field(default_factory=CropSettings)
    optimisation: Optimisation = FSRNET
    coarse_weight: float = 0.3
    geometry_weight: float = 0.02


def train_fsrnet(
    faces: Sequence[TrainingFace], settings: FSRNetTraining, *, checkpoint: Path, compute: Compute
) -> Iterator[Trained]:
    """Trains FSRNet, see ``training_loop``.

    Computes in bfloat16 where that is safe. The pictures' distance is L1 and not the paper's L2: it converges
    sooner (Zhao et al. 2017).
    """
    optimisation = settings.optimisation
    # The network and its optimiser.
    with seeded_weights(optimisation.seed):
        network = channels_last(FSRNet(settings.network).to(compute.device))
    learner = learner_of(network, compute, optimisation)

    def take_step(batch: FaceBatch, step: int) -> dict[str, Tensor]:
        # Sharpen the faces that are enlarged to full size, and weigh the losses.
        with compute.autocast():
            answer: Sharpened = network(channels_last(enlarge_bicubic(batch.small.to(compute.device))))
        losses = fsrnet_losses(answer, batch)
        loss = losses["fine"] + settings.coarse_weight * losses["coarse"]
        learner.minimize(loss + settings.geometry_weight * (losses["landmarks"] + losses["parts"]), step)
        return losses

    return training_loop(
        take_step,
        lambda done: fsrnet_batches(faces, settings.crops, settings.network, optimisation, compute, done),
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
    )


def fsrnet_batches(
    faces: Sequence[TrainingFace],
    crops: CropSettings,
    network: FSRNetSettings,
    optimisation: Optimisation,
    compute: Compute,
    done: int,
) -> Iterator[FaceBatch]:
    """Yields this process's batches for an FSRNet of these sizes, after ``done`` steps; see ``pairs.batches``."""
    order = compute.order(done, batch_size=optimisation.batch_size, seed=optimisation.seed)
    return batches(faces, crops, order, factor=SIZE // SMALL_SIZE, map_size=SIZE // network.stride)


def fsrnet_losses(answer: Sharpened, batch: FaceBatch) -> dict[str, Tensor]:
    """Computes the losses of both pictures and of the geometry, each a scalar."""
    sharp = batch.sharp.to(answer.fine.device)
    # A landmark fills so few pixels of its map that with an even mean black maps would be the best.
    emphasis = 1 + 30 * batch.landmarks.to(sharp)
    difference = answer.landmarks.float() - batch.landmarks.to(sharp)
    return {
        "fine": F.l1_loss(answer.fine.float(), sharp),
        "coarse": F.l1_loss(answer.coarse.float(), sharp),
        "landmarks": (emphasis * difference.square()).mean(),
        "parts": F.binary_cross_entropy_with_logits(answer.parts.float(), batch.parts.to(sharp)),
    }
