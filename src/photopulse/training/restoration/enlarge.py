"""Trains the super-resolution network on photos that were made half as large."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from photopulse.degrade.photo import Amount, DamageRecipe
from photopulse.networks.enlarge import FACTOR, EnlargeNet, EnlargeNetSettings
from photopulse.training.compute import Compute
from photopulse.training.learner import seeded_weights
from photopulse.training.loop import Trained
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import ENLARGE, ENLARGE_CROP, ENLARGE_WEIGHTS, LossWeights
from photopulse.training.restoration.pairs import PhotoCrops, photo_batches
from photopulse.training.restoration.train import restore_plainly, train_restoration

# It works on what was restored already: nearly clean.
_TRACES = DamageRecipe(
    blur=Amount(0.3, 1.2, share=0.6),
    shrink=Amount(FACTOR, FACTOR),
    noise=Amount(0.5, 3, share=0.4),
    jpeg=Amount(80, 98, share=0.4),
)


@dataclass(frozen=True, kw_only=True)
class EnlargeTraining:
    """Settings of the super-resolution network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        weights: weights of the losses.
        crops: how the photos are cropped.
        damage: recipe of the crops' damages.
    """

    network: EnlargeNetSettings = field(default_factory=EnlargeNetSettings)
    optimisation: Optimisation = ENLARGE
    weights: LossWeights = ENLARGE_WEIGHTS
    crops: PhotoCrops = field(default_factory=lambda: PhotoCrops(size=ENLARGE_CROP))
    damage: DamageRecipe = _TRACES


def train_enlarge(
    files: Sequence[Path], settings: EnlargeTraining, *, checkpoint: Path, compute: Compute
) -> Iterator[Trained]:
    """Trains the super-resolution network, see ``training_loop``."""
    optimisation = settings.optimisation
    # A network with random weights.
    with seeded_weights(optimisation.seed):
        network = EnlargeNet(settings.network)

    # Pairs of a small damaged crop and the sharp one.
    batches = photo_batches(files, settings.crops, settings.damage, optimisation, compute, same_size=False)
    return train_restoration(
        network,
        batches,
        optimisation,
        weights=settings.weights,
        restore=restore_plainly,
        checkpoint=checkpoint,
        compute=compute,
    )
