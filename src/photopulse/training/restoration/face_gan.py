"""Phase one of the face network: its decoder alone learns to draw faces, as a GAN, from random tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.metrics.features import load_features
from photopulse.metrics.perceptual import feature_distance
from photopulse.networks.face import FACE_SIZE, FaceNetSettings, make_decoder
from photopulse.training.compute import Compute
from photopulse.training.feature_judge import FeatureJudge, judge_loss, maker_loss, picture_features
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
from photopulse.training.optimisation import take_step
from photopulse.training.restoration.face_crops import FaceCrops, face_batches

SMALL_SIZE = FACE_SIZE // 32


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the training: faces of one size.

    Attributes:
        size: height and width of the faces in px.
        steps: batches.
        batch_size: faces in each.
    """

    size: int
    steps: int
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class FaceGANTraining:
    """The recipe.

    Attributes:
        network: sizes of the whole face network.
        stages: small faces first, as in progressive growing (Karras et al., ICLR 2018).
        learning_rate: Adam's, of the decoder;
        judge_learning_rate: and of the judge.
        judge_rests_below: the judge learns only while its loss is above this: it must not win.
        likeness_weight: of drawn faces that are more alike than photos are.
        averaging: of the weights that are kept: each step's count 1 - this.
        save_every: steps between two checkpoints.
        seed: of weights and data.
    """

    network: FaceNetSettings = field(default_factory=FaceNetSettings)
    stages: tuple[Stage, ...] = (
        Stage(size=64, steps=3000, batch_size=16),
        Stage(size=128, steps=1500, batch_size=12),
        Stage(size=256, steps=600, batch_size=8),
    )
    learning_rate: float = 3e-4
    judge_learning_rate: float = 3e-4
    judge_rests_below: float = 0.7
    likeness_weight: float = 10.0
    averaging: float = 0.995
    save_every: int = 100
    seed: int = 0

    @property
    def steps(self) -> int:
        """Batches in all."""
        return sum(stage.steps for stage in self.stages)

    def size_in(self, step: int) -> int:
        """Returns the size of the faces in a step, counted from 1."""
        ends = accumulate(stage.steps for stage in self.stages)
        return next(stage.size for stage, end in zip(self.stages, ends, strict=True) if step <= end)


def train_face_gan(
    faces: FaceCrops, settings: FaceGANTraining, *, checkpoint: Path, compute: Compute
) -> Iterator[Trained]:
    """Trains the decoder of a face network as a GAN; yields after each step and goes on from ``checkpoint``.

    What it yields as network is the averaged decoder.
    """
    features = load_features(compute.device)
    with seeded_weights(settings.seed):
        decoder = channels_last(make_decoder(settings.network).to(compute.device))
        judge = channels_last(FeatureJudge().to(compute.device))
    average = averaged_copy(decoder)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=settings.learning_rate, betas=(0.0, 0.99))
    heads = judge.heads.parameters()
    judging = torch.optim.Adam(heads, lr=settings.judge_learning_rate, betas=(0.0, 0.99))
    parts: dict[str, Stateful] = {
        "decoder": decoder,
        "average": average,
        "judge": judge,
        "optimizer": optimizer,
        "judging": judging,
    }
    done = load_checkpoint(checkpoint, parts)
    for step, (real, random) in enumerate(_batches(faces, settings, done, compute), start=done + 1):
        real = real.to(compute.device).contiguous(memory_format=torch.channels_last)
        size = real.shape[3]
        small, skips = decoder.random_inputs(len(real), size=SMALL_SIZE, sizes=doublings(size), generator=random)
        with compute.autocast():
            drawn = decoder(small.to(compute.device), [skip.to(compute.device) for skip in skips])
            made = squashed(drawn)
            with torch.no_grad():
                of_real = picture_features(features, real)
            of_made = picture_features(features, made)
            doubt = judge_loss(judge(of_real), judge([stage.detach() for stage in of_made]))
        check_finite(doubt, step)
        if compute.mean(doubt.detach()).item() > settings.judge_rests_below:
            take_step(judging, doubt, judge, compute)
        with compute.autocast():
            belief = maker_loss(judge(of_made)).mean()
        check_finite(belief, step)
        alike = settings.likeness_weight * likeness(of_real, of_made)
        take_step(optimizer, belief + alike + beyond_pictures(drawn), decoder, compute)
        move_average(average, decoder, decay=settings.averaging, step=step)
        if compute.is_main and (step % settings.save_every == 0 or step == settings.steps):
            save_checkpoint(checkpoint, step, parts)
        yield Trained(
            step=step, losses={"judge": doubt.item(), "maker": belief.item(), "alike": alike.item()}, network=average
        )


def _batches(
    faces: FaceCrops, settings: FaceGANTraining, done: int, compute: Compute
) -> Iterator[tuple[Tensor, torch.Generator]]:
    """Yields the batches of all stages that are left, with the randomness of each step."""
    ends = list(accumulate(stage.steps for stage in settings.stages))
    for stage, end in zip(settings.stages, ends, strict=True):
        first = max(done, end - stage.steps)
        number = compute.batch_number(first)
        batches = face_batches(
            faces, batch_size=stage.batch_size, seed=settings.seed, first_step=number, every=compute.processes
        )
        for step, batch in enumerate(islice(batches, max(end - first, 0)), start=first):
            random = torch.Generator().manual_seed(settings.seed * 1_000_003 + compute.batch_number(step))
            yield F.interpolate(batch, size=(stage.size, stage.size), mode="area"), random


def doublings(size: int) -> int:
    """Returns how often the decoder doubles the size for faces of ``size`` px."""
    return (size // SMALL_SIZE).bit_length() - 1


def squashed(drawn: Tensor) -> Tensor:
    """Brings what the decoder draws, around 0, into [0, 1] smoothly: behind a clamp a GAN saturates."""
    return 0.5 + 0.5 * torch.tanh(2 * drawn)


def likeness(of_real: Sequence[Tensor], of_made: Sequence[Tensor]) -> Tensor:
    """Measures how much more alike the faces of a batch are than photos: else a GAN soon draws one face for all.

    What counts is the mean distance between neighbours, map by map: coarse ones hold who it is, fine ones the texture
    (after mode seeking: Mao et al., CVPR 2019).
    """
    parts = [F.relu(_spread(real) - _spread(made)) for real, made in zip(of_real, of_made, strict=True)]
    return torch.stack(parts).mean()


def _spread(maps: Tensor) -> Tensor:
    return feature_distance([maps], [maps.roll(1, dims=0)]).mean().float()


def beyond_pictures(drawn: Tensor) -> Tensor:
    """Measures how far the drawn goes where ``squashed`` is flat: from there no gradient would lead back."""
    return F.relu(drawn.float().abs() - 1).square().mean()
