"""Trains FSRGAN: FSRNet with a judge, so that faces look sharp and not only near (Chen et al., CVPR 2018, 3.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
from torch import nn

from photopulse.metrics.features import load_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.networks.fsrnet import FSRNet, Sharpened, enlarge_bicubic
from photopulse.training.fsrnet.discriminator import PairDiscriminator, hinge_loss
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace
from photopulse.training.fsrnet.fsrnet import fsrnet_batches, fsrnet_losses
from photopulse.training.loop import (
    Trained,
    averaged_copy,
    channels_last,
    check_finite,
    load_checkpoint,
    move_average,
    save_checkpoint,
    seeded_weights,
)


@dataclass(frozen=True, kw_only=True)
class FSRGANTraining:
    """The recipe.

    Attributes:
        crops: how faces lie in the training pictures.
        steps: batches in all.
        batch_size: faces in each.
        learning_rate: Adam's, of the network;
        judge_learning_rate: of the discriminator.
        geometry_weight: of the heatmaps' and the part maps' errors; the fine picture's L1 distance has the weight 1.
        judge_weight: of the adversarial loss.
        perceptual_weight: of the distance of EfficientNet-Lite0's features, in VGG's place.
        averaging: of the weights that are kept: each step's count 1 - this.
        save_every: steps between two checkpoints.
        seed: of the judge's weights and the data.
    """

    crops: CropSettings = field(default_factory=CropSettings)
    steps: int = 700
    batch_size: int = 12
    learning_rate: float = 2e-4
    judge_learning_rate: float = 4e-4
    geometry_weight: float = 0.02
    judge_weight: float = 0.01
    perceptual_weight: float = 0.05
    averaging: float = 0.99
    save_every: int = 100
    seed: int = 1


def train_fsrgan(
    faces: Sequence[TrainingFace], start: FSRNet, settings: FSRGANTraining, *, checkpoint: Path, device: str = "cpu"
) -> Iterator[Trained]:
    """Trains on from a trained FSRNet and yields after each step; goes on from ``checkpoint`` if it is there."""
    with seeded_weights(settings.seed):
        judge = channels_last(PairDiscriminator().to(device))
    network = FSRNet(start.settings)
    network.load_state_dict(start.state_dict())
    network = channels_last(network.to(device))
    average = averaged_copy(network)
    features = load_features(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.5, 0.99))
    judging = torch.optim.Adam(judge.parameters(), lr=settings.judge_learning_rate, betas=(0.5, 0.99))
    parts = {"network": network, "average": average, "judge": judge, "optimizer": optimizer, "judging": judging}
    done = load_checkpoint(checkpoint, parts)
    endless = fsrnet_batches(faces, settings.crops, start.settings, settings.batch_size, settings.seed, done)
    for step, batch in enumerate(islice(endless, max(settings.steps - done, 0)), start=done + 1):
        enlarged = channels_last(enlarge_bicubic(batch.small.to(device)))
        sharp = channels_last(batch.sharp.to(device))
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            answer: Sharpened = network(enlarged)
            judged = judge(sharp, enlarged), judge(answer.fine.detach(), enlarged)
        judge_loss = hinge_loss(*(verdict.float() for verdict in judged))
        check_finite(judge_loss, step)
        _step(judging, judge_loss, judge)
        losses = fsrnet_losses(answer, batch)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            losses["adversarial"] = -judge(answer.fine, enlarged).float().mean()
            losses["perceptual"] = perceptual_distance(features, answer.fine.clamp(0, 1), sharp).float().mean()
        loss = losses["fine"] + settings.geometry_weight * (losses["landmarks"] + losses["parts"])
        loss = loss + settings.judge_weight * losses["adversarial"] + settings.perceptual_weight * losses["perceptual"]
        check_finite(loss, step)
        _step(optimizer, loss, network)
        move_average(average, network, decay=settings.averaging, step=step)
        losses["judge"] = judge_loss
        if step % settings.save_every == 0 or step == settings.steps:
            save_checkpoint(checkpoint, step, parts)
        yield Trained(step=step, losses={name: part.item() for name, part in losses.items()}, network=average)


def _step(optimizer: torch.optim.Adam, loss: torch.Tensor, network: nn.Module) -> None:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
