"""Trains FSRGAN: FSRNet with adversarial and perceptual losses, for sharper faces (Chen et al., CVPR 2018, 3.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from photopulse.metrics.features import load_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.networks.fsrnet import FSRNet, Sharpened, enlarge_bicubic
from photopulse.training.compute import Compute
from photopulse.training.fsrnet.defaults import FSRGAN
from photopulse.training.fsrnet.discriminator import PairDiscriminator
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace
from photopulse.training.fsrnet.fsrnet import fsrnet_batches, fsrnet_losses
from photopulse.training.fsrnet.pairs import FaceBatch
from photopulse.training.gan_losses import discriminator_loss
from photopulse.training.learner import Learner, channels_last, learner_of, seeded_weights
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation

_BETAS = (0.5, 0.99)


@dataclass(frozen=True, kw_only=True)
class FSRGANTraining:
    """Settings of FSRGAN's training.

    Attributes:
        crops: how faces are cropped.
        optimisation: settings of the network's optimisation.
        discriminator_learning_rate: learning rate of the discriminator's Adam optimizer.
        geometry_weight: weight of the errors of heatmaps and part maps; the fine picture's L1 distance has 1.
        adversarial_weight: weight of the adversarial loss.
        perceptual_weight: weight of the perceptual loss (EfficientNet-Lite0 in place of the paper's VGG).
    """

    crops: CropSettings = field(default_factory=CropSettings)
    optimisation: Optimisation = FSRGAN
    discriminator_learning_rate: float = 4e-4
    geometry_weight: float = 0.02
    adversarial_weight: float = 0.01
    perceptual_weight: float = 0.05


def train_fsrgan(
    faces: Sequence[TrainingFace], start: FSRNet, settings: FSRGANTraining, *, checkpoint: Path, compute: Compute
) -> Iterator[Trained]:
    """Trains on from the weights of a trained FSRNet, which itself stays as it is; see ``training_loop``."""
    # The networks, and what trains them.
    optimisation = settings.optimisation
    network = FSRNet(start.settings)
    network.load_state_dict(start.state_dict())
    network = channels_last(network.to(compute.device))
    with seeded_weights(optimisation.seed):
        discriminator = channels_last(PairDiscriminator().to(compute.device))
    features = load_features(compute.device)
    learner = learner_of(network, compute, optimisation, betas=_BETAS)
    adversary = Learner(discriminator, compute, learning_rate=settings.discriminator_learning_rate, betas=_BETAS)

    def take_step(batch: FaceBatch, step: int) -> dict[str, Tensor]:
        enlarged = channels_last(enlarge_bicubic(batch.small.to(compute.device)))
        sharp = channels_last(batch.sharp.to(compute.device))

        # The discriminator learns from real and made faces.
        with compute.autocast():
            answer: Sharpened = network(enlarged)
            real, made = discriminator(sharp, enlarged), discriminator(answer.fine.detach(), enlarged)
        of_discriminator = discriminator_loss(real, made)
        adversary.minimize(of_discriminator, step)

        # The network learns from the discriminator, among others.
        losses = fsrnet_losses(answer, batch)
        with compute.autocast():
            losses["adversarial"] = -discriminator(answer.fine, enlarged).float().mean()
            losses["perceptual"] = perceptual_distance(features, answer.fine.clamp(0, 1), sharp).float().mean()
        loss = losses["fine"] + settings.geometry_weight * (losses["landmarks"] + losses["parts"])
        loss = loss + settings.adversarial_weight * losses["adversarial"]
        learner.minimize(loss + settings.perceptual_weight * losses["perceptual"], step)
        return losses | {"discriminator": of_discriminator}

    return training_loop(
        take_step,
        lambda done: fsrnet_batches(faces, settings.crops, start.settings, optimisation, compute, done),
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
        others=adversary.parts("discriminator_"),
    )
