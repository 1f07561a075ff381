"""Trains the feature network, with a generator's layers as its decoder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from photopulse.degrade.photo import LEVELS, TRAINING, DamageMixture
from photopulse.generators.twin import feature_unit
from photopulse.metrics.features import load_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.networks.face_features import FaceFeatureNet, FaceFeatureSettings
from photopulse.networks.shipped import load_photo_net
from photopulse.search.face_area import face_weight
from photopulse.search.kit import SearchKit
from photopulse.search.prior import point_to_ws
from photopulse.training.compute import Compute
from photopulse.training.learner import channels_last, learner_of
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.face.defaults import FACE, FACE_PERCEPTUAL, FACE_SIZE
from photopulse.training.restoration.face.pairs import FaceDamage, FacePairs, face_batches
from photopulse.training.restoration.start import first_network


@dataclass(frozen=True, kw_only=True, eq=False)
class Redrawn:
    """Faces that a generator renders, once from predicted styles alone and once with changed features.

    Attributes:
        features: features of the styles (B, size, size, C).
        rendered: what the styles look like (B, 3, size, size), nominally in [0, 1].
        changed: changed features.
        made: what these look like, and the only part with gradients besides ``changed``.
    """

    features: Tensor
    rendered: Tensor
    changed: Tensor
    made: Tensor


@dataclass(frozen=True, kw_only=True)
class FaceTraining:
    """Settings of the feature network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        damage: how the faces are damaged, and the size of the features.
        perceptual: weight of the perceptual loss; that of the L1 distance is 1.
        pull: weight of the mean squared change of the features, in standard deviations of each channel.
    """

    network: FaceFeatureSettings = field(default_factory=FaceFeatureSettings)
    optimisation: Optimisation = FACE
    damage: FaceDamage = field(default_factory=FaceDamage)
    perceptual: float = FACE_PERCEPTUAL
    pull: float = 0.5


def face_training(size: int) -> FaceTraining:
    """Returns the settings for the default generator's features of ``size`` px, 64 or 128.

    Features of 128 px are for faces that still show more; its network is narrower, because there are four times as
    many pixels.
    """
    if size == FACE_SIZE:
        return FaceTraining()
    return FaceTraining(
        network=FaceFeatureSettings(channels=256, widths=(48, 64, 96)),
        damage=FaceDamage(
            size=size, damage=DamageMixture(((LEVELS["medium"], 0.5), (LEVELS["light"], 0.15), (TRAINING, 0.35)))
        ),
    )


def train_face(
    faces: Mapping[Path, Tensor],
    kit: SearchKit,
    settings: FaceTraining,
    *,
    start: FaceFeatureNet | None = None,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the feature network, see ``training_loop``.

    Args:
        faces: files of FFHQ-aligned faces, and the points of their styles, see ``face_points``.
        kit: kit of the generator, which needs a style encoder and a twin of the features' size.
        settings: settings of the training.
        start: network to begin with; random weights if None.
        checkpoint: file to go on from.
        compute: where to compute.

    Raises:
        PhotopulseError: if the generator has no such twin.
    """
    # The networks. The twin is made before the first step, whose precision it would have.
    optimisation, size = settings.optimisation, settings.damage.size
    kit.needed_twin(size)
    network = first_network(lambda: FaceFeatureNet(settings.network), start, seed=optimisation.seed)
    learner = learner_of(channels_last(network.to(compute.device)), compute, optimisation)
    looks = load_features(compute.device)
    weight = face_weight(size).to(compute.device)

    def take_step(pairs: FacePairs, step: int) -> dict[str, Tensor]:
        pairs = pairs.to(compute.device)
        with compute.autocast():
            drawn = redraw(learner.network, pairs, kit, size)
            distance = perceptual_distance(looks, drawn.made[::2].clamp(0, 1), pairs.sharp[::2])
        losses = {
            "pixel": ((drawn.made - pairs.sharp).abs() * weight).mean(),
            "perceptual": distance.float().mean(),
            "change": ((drawn.changed - drawn.features) / feature_unit(drawn.features)).square().mean(),
        }
        loss = losses["pixel"] + settings.perceptual * losses["perceptual"] + settings.pull * losses["change"]
        learner.minimize(loss, step)
        return {name: loss.detach() for name, loss in losses.items()}

    return training_loop(
        take_step,
        face_batches(faces, settings.damage, load_photo_net(), optimisation, compute),
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
    )


def redraw(network: nn.Module, pairs: FacePairs, kit: SearchKit, size: int) -> Redrawn:
    """Renders damaged faces with the kit's twin of ``size`` px and a face network.

    Their styles lie between those that the encoder guesses and those of the sharp faces: ``restore`` searches styles
    for a damaged face, and comes as near as the damage allows.
    """
    twin, damaged = kit.needed_twin(size), pairs.damaged
    with torch.no_grad():
        guess = kit.first_guess(damaged)
        point = guess + pairs.trust * (pairs.points[:, int(pairs.mirrored)] - guess)
        ws = point_to_ws(point, kit.prior, kit.generator).float()
        features = twin.features(ws).float()
        rendered = twin.render(features, ws).float()
    changed = cast(Tensor, network(damaged, features, rendered)).float()
    return Redrawn(features=features, rendered=rendered, changed=changed, made=twin.render(changed, ws).float())
