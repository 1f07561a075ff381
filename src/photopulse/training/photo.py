"""Trains the photo network, on crops of any photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from photopulse.degrade.photo import TRAINING, DamageRecipe
from photopulse.restore.photo import PhotoNet, PhotoNetSettings
from photopulse.training.compute import Compute
from photopulse.training.judging import Judging
from photopulse.training.loop import seeded_weights
from photopulse.training.optimisation import Optimisation
from photopulse.training.photo_pairs import PhotoCrops, photo_batches
from photopulse.training.restoration import Trained, plain_answer, train_restoration


@dataclass(frozen=True, kw_only=True)
class PhotoTraining:
    """The recipe.

    Attributes:
        network: sizes.
        optimisation: how its weights are moved.
        judging: how an opponent takes part; None trains without one.
        crops: of the photos;
        damage: and of these.
    """

    network: PhotoNetSettings = field(default_factory=PhotoNetSettings)
    optimisation: Optimisation = field(
        default_factory=lambda: Optimisation(steps=4000, batch_size=16, learning_rate=1e-3, perceptual_weight=0.4)
    )
    judging: Judging | None = field(default_factory=Judging)
    crops: PhotoCrops = field(default_factory=PhotoCrops)
    damage: DamageRecipe = TRAINING


def train_photo(
    files: Sequence[Path], settings: PhotoTraining, *, checkpoint: Path, compute: Compute
) -> Iterator[Trained]:
    """Trains the photo network; yields after each step and goes on from ``checkpoint`` if it is there."""
    optimisation = settings.optimisation
    with seeded_weights(optimisation.seed):
        network = PhotoNet(settings.network)

    batches = photo_batches(files, settings.crops, settings.damage, optimisation, compute)
    return train_restoration(
        network,
        batches,
        optimisation,
        answer=plain_answer,
        checkpoint=checkpoint,
        compute=compute,
        judging=settings.judging,
    )
