"""Phase one of the face network: its decoder alone learns to draw faces from random tensors, as a GAN."""

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
from photopulse.training.adversarial import AdversarialLoss, AdversarialSettings
from photopulse.training.compute import Compute
from photopulse.training.feature_discriminator import picture_features
from photopulse.training.learner import Learner, channels_last, seeded_weights
from photopulse.training.loop import Trained, training_loop
from photopulse.training.restoration.defaults import FACE_GAN_LEARNING_RATE, FACE_GAN_SEED, FACE_GAN_STAGES, Stage
from photopulse.training.restoration.face_crops import FaceCrops, face_batches

SMALL_SIZE = FACE_SIZE // 32
_BETAS = (0.0, 0.99)


@dataclass(frozen=True, kw_only=True)
class FaceGANTraining:
    """Settings of the decoder's training.

    Attributes:
        network: sizes of the whole face network.
        stages: stages of progressive growing, small faces first (Karras et al., ICLR 2018).
        learning_rate: learning rate of the decoder's Adam optimizer.
        discriminator_learning_rate: learning rate of the discriminator's.
        update_threshold: the discriminator is updated only while its loss is above this, so that it does not win.
        diversity_weight: weight of ``diversity_loss``; the adversarial loss has the weight 1.
        ema_decay: decay of the exponential moving average of the decoder's weights, in [0, 1).
        save_every: steps between two checkpoints.
        seed: random seed for initial weights and data.
    """

    network: FaceNetSettings = field(default_factory=FaceNetSettings)
    stages: tuple[Stage, ...] = FACE_GAN_STAGES
    learning_rate: float = FACE_GAN_LEARNING_RATE
    discriminator_learning_rate: float = FACE_GAN_LEARNING_RATE
    update_threshold: float = 0.7
    diversity_weight: float = 10.0
    ema_decay: float = 0.995
    save_every: int = 100
    seed: int = FACE_GAN_SEED

    @property
    def steps(self) -> int:
        """Number of batches."""
        return sum(stage.steps for stage in self.stages)

    def size_in(self, step: int) -> int:
        """Returns the size of the faces in a step, counted from 1."""
        ends = accumulate(stage.steps for stage in self.stages)
        return next(stage.size for stage, end in zip(self.stages, ends, strict=True) if step <= end)


def train_face_gan(
    faces: FaceCrops, settings: FaceGANTraining, *, checkpoint: Path, compute: Compute
) -> Iterator[Trained]:
    """Trains the decoder of a face network as a GAN, see ``training_loop``."""
    # The networks, and what trains them.
    features = load_features(compute.device)
    adversarial = AdversarialSettings(
        weight=1.0, learning_rate=settings.discriminator_learning_rate, update_threshold=settings.update_threshold
    )
    with seeded_weights(settings.seed):
        decoder = channels_last(make_decoder(settings.network).to(compute.device))
        adversary = AdversarialLoss(adversarial, compute, betas=_BETAS)
    learner = Learner(
        decoder, compute, learning_rate=settings.learning_rate, betas=_BETAS, ema_decay=settings.ema_decay
    )

    def take_step(batch: FaceGANBatch, step: int) -> dict[str, Tensor]:
        # Faces drawn from random tensors, and features of both.
        real = batch.faces.to(compute.device).contiguous(memory_format=torch.channels_last)
        size = real.shape[3]
        small, skips = decoder.random_inputs(len(real), size=SMALL_SIZE, sizes=doublings(size), generator=batch.random)
        with compute.autocast():
            drawn = decoder(small.to(compute.device), [skip.to(compute.device) for skip in skips])
            with torch.no_grad():
                of_real = picture_features(features, real)
            of_made = picture_features(features, to_image(drawn))

        # Losses; the discriminator learns first.
        losses = {
            "discriminator": adversary.update_discriminator(of_real, of_made, step),
            "adversarial": adversary.generator_loss(of_made).mean(),
            "diversity": settings.diversity_weight * diversity_loss(of_real, of_made),
            "saturation": saturation_penalty(drawn),
        }
        learner.minimize(losses["adversarial"] + losses["diversity"] + losses["saturation"], step)
        return losses

    return training_loop(
        take_step,
        lambda done: _batches(faces, settings, done, compute),
        learner,
        steps=settings.steps,
        checkpoint=checkpoint,
        save_every=settings.save_every,
        others=adversary.parts,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceGANBatch:
    """Real faces (B, 3, s, s) in [0, 1] of the stage's size, and the randomness of the drawn ones."""

    faces: Tensor
    random: torch.Generator


def _batches(faces: FaceCrops, settings: FaceGANTraining, done: int, compute: Compute) -> Iterator[FaceGANBatch]:
    """Yields the batches that are left, stage after stage."""
    ends = list(accumulate(stage.steps for stage in settings.stages))
    for stage, end in zip(settings.stages, ends, strict=True):
        first = max(done, end - stage.steps)
        batches = face_batches(faces, compute.order(first, batch_size=stage.batch_size, seed=settings.seed))
        for step, batch in enumerate(islice(batches, max(end - first, 0)), start=first):
            random = torch.Generator().manual_seed(settings.seed * 1_000_003 + compute.batch_number(step))
            resized = F.interpolate(batch, size=(stage.size, stage.size), mode="area")
            yield FaceGANBatch(faces=resized, random=random)


def doublings(size: int) -> int:
    """Returns how often the decoder doubles the size for faces of ``size`` px."""
    return (size // SMALL_SIZE).bit_length() - 1


def to_image(drawn: Tensor) -> Tensor:
    """Maps the decoder's output, around 0, to [0, 1] by a tanh: behind a clamp a GAN saturates."""
    return 0.5 + 0.5 * torch.tanh(2 * drawn)


def diversity_loss(of_real: Sequence[Tensor], of_made: Sequence[Tensor]) -> Tensor:
    """Measures how much less diverse a batch of drawn faces is than real ones, against mode collapse.

    Diversity is the mean distance of the features of neighbours in the batch, stage by stage: coarse stages show the
    person, fine ones the texture (after mode seeking: Mao et al., CVPR 2019).

    Returns:
        A scalar, 0 where drawn faces are as diverse as real ones or more.
    """
    parts = [F.relu(_diversity(real) - _diversity(made)) for real, made in zip(of_real, of_made, strict=True)]
    return torch.stack(parts).mean()


def _diversity(maps: Tensor) -> Tensor:
    return feature_distance([maps], [maps.roll(1, dims=0)]).mean().float()


def saturation_penalty(drawn: Tensor) -> Tensor:
    """Mean squared excess of the decoder's output beyond [-1, 1], where ``to_image`` is flat and has no gradient."""
    return F.relu(drawn.float().abs() - 1).square().mean()
