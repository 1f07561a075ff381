"""Trains the photo network, on crops of any photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.degrade.photo import EVERYTHING, Damages
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import PHOTO, PHOTO_CROP, PHOTO_WEIGHTS, LossWeights
from photopulse.training.restoration.pairs import Pairs, PhotoCrops, photo_batches
from photopulse.training.restoration.start import first_network
from photopulse.training.restoration.train import Restorer, train_restoration


@dataclass(frozen=True, kw_only=True)
class PhotoTraining:
    """Settings of the photo network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        weights: weights of the losses.
        crops: how the photos are cropped.
        damage: recipe of the crops' damages.
        again: share of the batches that the network cleans at half of the size first, as small photos are restored,
            see ``restoration.plan``.
    """

    network: PhotoNetSettings = field(default_factory=PhotoNetSettings)
    optimisation: Optimisation = PHOTO
    weights: LossWeights = PHOTO_WEIGHTS
    crops: PhotoCrops = field(
        default_factory=lambda: PhotoCrops(
            size=PHOTO_CROP, least_scale=0.35, gray=0.1, recoloured=0.4, tinted=0.05, drawn=0.375
        )
    )
    damage: Damages = EVERYTHING
    again: float = 0.25


def train_photo(
    files: Sequence[Path],
    settings: PhotoTraining,
    *,
    start: PhotoNet | None = None,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the photo network, see ``training_loop``.

    Without a checkpoint it begins with the weights of ``start``, or with random ones if that is None.
    """
    optimisation = settings.optimisation
    network = first_network(lambda: PhotoNet(settings.network), start, seed=optimisation.seed)
    batches = photo_batches(files, settings.crops, settings.damage, optimisation, compute)
    return train_restoration(
        network,
        batches,
        optimisation,
        weights=settings.weights,
        restore=photo_restorer(settings),
        checkpoint=checkpoint,
        compute=compute,
    )


def photo_restorer(settings: PhotoTraining) -> Restorer:
    """Returns a restorer that runs a photo network once or, in random steps, first at half of the size."""

    def restore(network: nn.Module, pairs: Pairs, step: int) -> Tensor:
        random = torch.Generator().manual_seed(settings.optimisation.seed * 1_000_003 + step)
        again = torch.rand((), generator=random).item() < settings.again
        return cast(Tensor, network(cleaned_small(network, pairs.damaged) if again else pairs.damaged))

    return restore


def cleaned_small(network: nn.Module, damaged: Tensor) -> Tensor:
    """Cleans pictures (B, 3, H, W) at half of their size and enlarges them again; no gradients."""
    with torch.no_grad():
        small = cast(Tensor, network(F.avg_pool2d(damaged, 2))).float().clamp(0, 1)
        return F.interpolate(small, damaged.shape[2:], mode="bicubic", align_corners=False).clamp(0, 1)
