"""Trains FSRNet on aligned faces (Chen et al., CVPR 2018, section 3.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.fsrnet import SIZE, SMALL, SMALL_SIZE, FSRNet, FSRNetSettings, Sharpened, enlarge_bicubic
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace
from photopulse.training.fsrnet.pairs import FaceBatch, batches
from photopulse.training.loop import (
    Trained,
    averaged_copy,
    channels_last,
    check_finite,
    load_checkpoint,
    move_average,
    save_checkpoint,
    seeded_weights,
    warm_cosine,
)


@dataclass(frozen=True, kw_only=True)
class FSRNetTraining:
    """The recipe.

    Attributes:
        network: sizes of the network.
        crops: how faces lie in the training pictures.
        steps: batches in all.
        batch_size: faces in each.
        learning_rate: Adam's, after ``warmup`` steps; it falls to a hundredth along a cosine.
        warmup: steps.
        coarse_weight: of the coarse picture's L1 distance; the fine one's has the weight 1.
        geometry_weight: of the heatmaps' and the part maps' errors.
        averaging: of the weights that are kept: each step's count 1 - this.
        save_every: steps between two checkpoints.
        seed: of weights and data.
    """

    network: FSRNetSettings = SMALL
    crops: CropSettings = field(default_factory=CropSettings)
    steps: int = 2600
    batch_size: int = 16
    learning_rate: float = 6e-4
    warmup: int = 200
    coarse_weight: float = 0.3
    geometry_weight: float = 0.02
    averaging: float = 0.998
    save_every: int = 200
    seed: int = 0


def train_fsrnet(
    faces: Sequence[TrainingFace], settings: FSRNetTraining, *, checkpoint: Path, device: str = "cpu"
) -> Iterator[Trained]:
    """Trains and yields after each step; goes on from ``checkpoint`` if it is there.

    Computes in bfloat16 where that is safe. The pictures' distance is L1 and not the paper's L2: it converges
    sooner (Zhao et al. 2017).
    """
    with seeded_weights(settings.seed):
        network = channels_last(FSRNet(settings.network).to(device))
    average = averaged_copy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    parts = {"network": network, "average": average, "optimizer": optimizer}
    done = load_checkpoint(checkpoint, parts)
    endless = fsrnet_batches(faces, settings.crops, settings.network, settings.batch_size, settings.seed, done)
    for step, batch in enumerate(islice(endless, max(settings.steps - done, 0)), start=done + 1):
        factor = warm_cosine(step, steps=settings.steps, warmup=settings.warmup)
        optimizer.param_groups[0]["lr"] = settings.learning_rate * factor
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            answer: Sharpened = network(channels_last(enlarge_bicubic(batch.small.to(device))))
        losses = fsrnet_losses(answer, batch)
        loss = losses["fine"] + settings.coarse_weight * losses["coarse"]
        loss = loss + settings.geometry_weight * (losses["landmarks"] + losses["parts"])
        check_finite(loss, step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        move_average(average, network, decay=settings.averaging, step=step)
        if step % settings.save_every == 0 or step == settings.steps:
            save_checkpoint(checkpoint, step, parts)
        yield Trained(step=step, losses={name: part.item() for name, part in losses.items()}, network=average)


def fsrnet_batches(
    faces: Sequence[TrainingFace],
    crops: CropSettings,
    network: FSRNetSettings,
    batch_size: int,
    seed: int,
    first_step: int,
) -> Iterator[FaceBatch]:
    """Yields the batches that FSRNet of these sizes learns from, see ``pairs.batches``."""
    return batches(
        faces,
        crops,
        batch_size=batch_size,
        seed=seed,
        first_step=first_step,
        factor=SIZE // SMALL_SIZE,
        map_size=SIZE // network.stride,
    )


def fsrnet_losses(answer: Sharpened, batch: FaceBatch) -> dict[str, Tensor]:
    """Measures how far both pictures and the geometry of an answer are from a batch; each a scalar."""
    sharp = batch.sharp.to(answer.fine.device)
    # A landmark fills so few pixels of its map that an even mean would teach black maps.
    emphasis = 1 + 30 * batch.landmarks.to(sharp)
    difference = answer.landmarks.float() - batch.landmarks.to(sharp)
    return {
        "fine": F.l1_loss(answer.fine.float(), sharp),
        "coarse": F.l1_loss(answer.coarse.float(), sharp),
        "landmarks": (emphasis * difference.square()).mean(),
        "parts": F.binary_cross_entropy_with_logits(answer.parts.float(), batch.parts.to(sharp)),
    }
