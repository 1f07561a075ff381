"""Phase two of the face network: encoder and decoder learn together to restore damaged faces."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from photopulse.degrade.photo import TRAINING, DamageRecipe
from photopulse.metrics.features import load_features
from photopulse.metrics.identity_network import load_identity_network
from photopulse.metrics.perceptual import feature_distance
from photopulse.networks.face import FaceNet, FaceNetSettings
from photopulse.networks.photo import PhotoNet
from photopulse.training.coarse import coarse_distance
from photopulse.training.compute import Compute
from photopulse.training.identity_loss import identity_loss
from photopulse.training.judging import Judging, Opponent
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
from photopulse.training.optimisation import Optimisation, set_rate, take_step
from photopulse.training.restoration.face_crops import FaceCrops, face_pairs
from photopulse.training.restoration.photo import cleaned_small


@dataclass(frozen=True, kw_only=True)
class FaceTraining:
    """The recipe.

    Attributes:
        network: sizes.
        optimisation: how the encoder's weights are moved; its perceptual weight is that at fidelity 0.
        decoder_share: the decoder's learning rate, as a share of the encoder's: it has learned already.
        identity_weight: of ``identity_loss``, at every fidelity; 0 does without the recogniser.
        judging: how an opponent takes part, at fidelity 0.
        looked_at: side in px of the part, drawn anew for each batch, of which features are computed, which costs more
            than the network itself.
        damage: of the faces.
    """

    network: FaceNetSettings = field(default_factory=FaceNetSettings)
    optimisation: Optimisation = field(
        default_factory=lambda: Optimisation(
            steps=4000, batch_size=8, learning_rate=6e-4, perceptual_weight=1.0, coarse_weight=30.0
        )
    )
    decoder_share: float = 0.5
    identity_weight: float = 8.0
    judging: Judging = field(default_factory=Judging)
    looked_at: int = 160
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
    """Trains the face network; yields after each step and goes on from ``checkpoint``.

    Each face is given a fidelity f at random, and its losses are those of pixels, coarse colours and identity + (1 - f)
    times the perceptual and the adversarial ones: what the network learns to trade off is what the user then chooses.

    Args:
        faces: sharp ones.
        settings: of the training.
        decoder: as ``train_face_gan`` left it, of which all but the last layers is used: it drew whole faces and is to
            draw corrections; None begins with random weights.
        photo_net: cleans the faces first; it stays as it is.
        checkpoint: file, written now and then, and at the end, by the main process.
        compute: where to compute.
    """
    optimisation = settings.optimisation
    features = load_features(compute.device)
    recogniser = channels_last(load_identity_network(compute.device)) if settings.identity_weight else None
    with seeded_weights(optimisation.seed):
        network = FaceNet(settings.network)
        opponent = Opponent(settings.judging, compute)
    if decoder is not None:
        network.decoder.load_state_dict(decoder.state_dict())
        network.decoder.forget_colours()
    network = channels_last(network.to(compute.device))
    cleaner = channels_last(photo_net.to(compute.device)).eval()
    average = averaged_copy(network)
    optimizer = torch.optim.Adam(_groups(network, settings), betas=(0.9, 0.99))
    parts: dict[str, Stateful] = {"network": network, "average": average, "optimizer": optimizer} | opponent.parts
    done = load_checkpoint(checkpoint, parts)
    batches = face_pairs(
        faces,
        settings.damage,
        batch_size=optimisation.batch_size,
        seed=optimisation.seed,
        first_step=compute.batch_number(done),
        every=compute.processes,
    )
    for step, pairs in enumerate(islice(batches, max(optimisation.steps - done, 0)), start=done + 1):
        set_rate(optimizer, optimisation, step)
        pairs = pairs.to(compute.device)
        random = torch.Generator().manual_seed(optimisation.seed * 1_000_003 + compute.batch_number(step))
        fidelity = _fidelities(len(pairs.sharp), random).to(compute.device)
        with compute.autocast():
            again = step % 2 == 0  # Faces of small photos were cleaned in steps, those of large ones at once.
            made = clean_and_restore(network, cleaner, pairs.damaged, fidelity, again=again)
            part = _part(made.shape[2], settings.looked_at, random)
            with torch.no_grad():
                of_sharp = features.stages(pairs.sharp[part])
            of_made = features.stages(made[part].clamp(0, 1))
            other = None if recogniser is None else identity_loss(recogniser, made, pairs.sharp)
        doubt = opponent.learn(of_sharp, of_made, step)
        losses = {
            "pixel": (made.float() - pairs.sharp).abs().mean(dim=(1, 2, 3)),
            "coarse": coarse_distance(made, pairs.sharp),
            "perceptual": feature_distance(of_made, of_sharp).float(),
            "adversarial": opponent.against(of_made),
        }
        detail = optimisation.perceptual_weight * losses["perceptual"] + settings.judging.weight * losses["adversarial"]
        true = losses["pixel"] + optimisation.coarse_weight * losses["coarse"]
        if other is not None:
            losses["identity"] = other
            true = true + settings.identity_weight * other
        loss = (true + (1 - fidelity) * detail).mean()
        check_finite(loss, step)
        take_step(optimizer, loss, network, compute)
        move_average(average, network, decay=optimisation.averaging, step=step)
        if compute.is_main and (step % optimisation.save_every == 0 or step == optimisation.steps):
            save_checkpoint(checkpoint, step, parts)
        means = {name: part.mean().item() for name, part in losses.items()} | {"judge": doubt}
        yield Trained(step=step, losses=means, network=average)


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


def _groups(network: FaceNet, settings: FaceTraining) -> list[dict[str, object]]:
    decoder = {id(parameter) for parameter in network.decoder.parameters()}
    encoder = [parameter for parameter in network.parameters() if id(parameter) not in decoder]
    rate = settings.optimisation.learning_rate
    return [
        {"params": encoder, "lr": rate, "share": 1.0},
        {"params": list(network.decoder.parameters()), "lr": rate, "share": settings.decoder_share},
    ]


def _fidelities(count: int, random: torch.Generator) -> Tensor:
    """Draws fidelities (count,), the ends of the dial more often than what lies between."""
    return (torch.rand(count, generator=random) * 1.5 - 0.25).clamp(0, 1)


def _part(size: int, wanted: int, random: torch.Generator) -> tuple[slice, slice, slice, slice]:
    """Draws a square of a batch of pictures."""
    starts = cast(list[int], torch.randint(max(size - wanted, 0) + 1, (2,), generator=random).tolist())
    rows, columns = (slice(start, start + wanted) for start in starts)
    return slice(None), slice(None), rows, columns
