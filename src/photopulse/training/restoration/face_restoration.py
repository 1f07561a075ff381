"""Phase two of the face network: encoder and decoder learn together to restore damaged faces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from photopulse.degrade.photo import TRAINING, DamageRecipe
from photopulse.metrics.features import load_features
from photopulse.metrics.identity_network import load_identity_network
from photopulse.metrics.perceptual import feature_distance
from photopulse.networks.face import FaceNet, FaceNetSettings
from photopulse.networks.photo import PhotoNet
from photopulse.training.adversarial import AdversarialLoss, AdversarialSettings
from photopulse.training.coarse import coarse_loss
from photopulse.training.compute import Compute
from photopulse.training.identity_loss import identity_loss
from photopulse.training.learner import channels_last, learner_of, seeded_weights
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import FACE, FACE_IDENTITY_WEIGHT, FACE_WEIGHTS, LossWeights
from photopulse.training.restoration.face_crops import FaceCrops, face_pairs
from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.photo import cleaned_small


@dataclass(frozen=True, kw_only=True)
class FaceTraining:
    """Settings of the face network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        weights: weights of the losses; that of the perceptual loss is the one at fidelity 0.
        decoder_share: learning rate of the pretrained decoder, as a share of the encoder's.
        identity_weight: weight of ``identity_loss``, at every fidelity; 0 trains without the recogniser.
        adversarial: settings of the adversarial loss, at fidelity 0.
        patch_size: side in px of the random patch whose features are computed, which costs more than the network
            itself.
        damage: recipe of the damages.
    """

    network: FaceNetSettings = field(default_factory=FaceNetSettings)
    optimisation: Optimisation = FACE
    weights: LossWeights = FACE_WEIGHTS
    decoder_share: float = 0.5
    identity_weight: float = FACE_IDENTITY_WEIGHT
    adversarial: AdversarialSettings = field(default_factory=AdversarialSettings)
    patch_size: int = 160
    damage: DamageRecipe = TRAINING


def train_face(
    faces: FaceCrops,
    settings: FaceTraining,
    *,
    decoder: nn.Module | None,
    photo_net: PhotoNet,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the face network, see ``training_loop``.

    Each face has a random fidelity f, and its losses are those of pixels, coarse colours and identity + (1 - f) times
    the perceptual and the adversarial ones: what the network learns to trade off is what the user then chooses.

    Args:
        faces: sharp faces.
        settings: settings of the training.
        decoder: decoder that ``train_face_gan`` trained, of which all but the RGB layers is used: it drew whole faces
            and is to draw corrections; None begins with random weights.
        photo_net: cleans the faces first; its weights stay as they are.
        checkpoint: file to go on from.
        compute: where to compute.
    """
    # The networks of the losses, then the networks to train, whose weights the seed decides.
    optimisation = settings.optimisation
    features = load_features(compute.device)
    recogniser = channels_last(load_identity_network(compute.device)) if settings.identity_weight else None
    with seeded_weights(optimisation.seed):
        network = FaceNet(settings.network)
        adversary = AdversarialLoss(settings.adversarial, compute)
    if decoder is not None:
        network.decoder.load_state_dict(decoder.state_dict())
        network.decoder.forget_colours()
    network = channels_last(network.to(compute.device))
    cleaner = channels_last(photo_net.to(compute.device)).eval()
    learner = learner_of(network, compute, optimisation, parameters=_groups(network, settings))

    def batches(done: int) -> Iterator[Pairs]:
        order = compute.order(done, batch_size=optimisation.batch_size, seed=optimisation.seed)
        return face_pairs(faces, settings.damage, order)

    def take_step(pairs: Pairs, step: int) -> dict[str, Tensor]:
        # Random fidelities and the random patch depend on the step alone.
        pairs = pairs.to(compute.device)
        random = torch.Generator().manual_seed(optimisation.seed * 1_000_003 + compute.batch_number(step))
        fidelity = _fidelities(len(pairs.sharp), random).to(compute.device)

        # Restored faces, their features and their identity.
        with compute.autocast():
            # Faces of small photos were cleaned in steps, those of large ones at once.
            made = clean_and_restore(network, cleaner, pairs.damaged, fidelity, again=step % 2 == 0)
            patch = _patch(made.shape[2], settings.patch_size, random)
            with torch.no_grad():
                of_sharp = features.stages(pairs.sharp[patch])
            of_made = features.stages(made[patch].clamp(0, 1))
            identity = None if recogniser is None else identity_loss(recogniser, made, pairs.sharp)

        # Losses; the discriminator learns first.
        losses = {
            "discriminator": adversary.update_discriminator(of_sharp, of_made, step),
            "pixel": (made.float() - pairs.sharp).abs().mean(dim=(1, 2, 3)),
            "coarse": coarse_loss(made, pairs.sharp),
            "perceptual": feature_distance(of_made, of_sharp).float(),
            "adversarial": adversary.generator_loss(of_made),
        } | ({} if identity is None else {"identity": identity})
        learner.minimize(_weighted(losses, fidelity, settings), step)
        return losses

    return training_loop(
        take_step,
        batches,
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
        others=adversary.parts,
    )


def _weighted(losses: Mapping[str, Tensor], fidelity: Tensor, settings: FaceTraining) -> Tensor:
    """Adds up the losses of each face (B,) by their weights at its fidelity (B,); returns the mean."""
    weights = settings.weights
    detail = weights.perceptual * losses["perceptual"] + settings.adversarial.weight * losses["adversarial"]
    truth = losses["pixel"] + weights.coarse * losses["coarse"]
    if "identity" in losses:
        truth = truth + settings.identity_weight * losses["identity"]
    return (truth + (1 - fidelity) * detail).mean()


def clean_and_restore(
    face_net: nn.Module, photo_net: nn.Module, face: Tensor, fidelity: Tensor, *, again: bool = False
) -> Tensor:
    """Restores faces (B, 3, s, s) by both networks, one after the other; fidelity and result as in ``FaceNet``.

    ``again`` cleans them at half of the size first, as small photos are.
    """
    with torch.no_grad():
        seen = cleaned_small(photo_net, face) if again else face
        cleaned = cast(Tensor, photo_net(seen)).float().clamp(0, 1)
    return cast(Tensor, face_net(face, cleaned, fidelity))


def _groups(network: FaceNet, settings: FaceTraining) -> list[dict[str, Any]]:
    decoder = {id(parameter) for parameter in network.decoder.parameters()}
    encoder = [parameter for parameter in network.parameters() if id(parameter) not in decoder]
    rate = settings.optimisation.learning_rate
    return [
        {"params": encoder, "lr": rate},
        {"params": list(network.decoder.parameters()), "lr": rate * settings.decoder_share},
    ]


def _fidelities(count: int, random: torch.Generator) -> Tensor:
    """Draws fidelities (count,), 0 and 1 more often than values between."""
    return (torch.rand(count, generator=random) * 1.5 - 0.25).clamp(0, 1)


def _patch(size: int, wanted: int, random: torch.Generator) -> tuple[slice, slice, slice, slice]:
    """Draws the place of a square patch, the same in all pictures of a batch."""
    starts = cast(list[int], torch.randint(max(size - wanted, 0) + 1, (2,), generator=random).tolist())
    rows, columns = (slice(start, start + wanted) for start in starts)
    return slice(None), slice(None), rows, columns
