"""Trains the full-size network on what a trained photo network makes of photos that were made small."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.degrade.photo import Amount, DamageRecipe
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.photo import PhotoNet
from photopulse.training.compute import Compute
from photopulse.training.learner import channels_last, seeded_weights
from photopulse.training.loop import Trained
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import FULL_SIZE, FULL_SIZE_CROP, FULL_SIZE_WEIGHTS, LossWeights
from photopulse.training.restoration.pairs import Pairs, PhotoCrops, photo_batches
from photopulse.training.restoration.train import Restorer, train_restoration

LARGE_PHOTOS: Final = DamageRecipe(
    blur=Amount(0.3, 3.2, share=0.7, even_ratios=True),
    shake=Amount(2, 10, share=0.15),
    defocus=Amount(0.7, 3, share=0.15),
    shrink=Amount(1, 4.5, share=0.85, even_ratios=True),
    noise=Amount(1, 20, share=0.8, even_ratios=True),
    chroma_noise=Amount(2, 16, share=0.35),
    jpeg=Amount(25, 95, share=0.85),
)
"""Milder than ``TRAINING``: shrinking hides strong damage anyway, so that the network must learn the light one."""


@dataclass(frozen=True, kw_only=True)
class FullSizeTraining:
    """Settings of the full-size network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        weights: weights of the losses.
        crops: how the large photos are cropped.
        damage: recipe of the crops' damages.
        ratios: least and largest ratio of full to working size; each step draws one.
    """

    network: FullSizeSettings = field(default_factory=lambda: FullSizeSettings(shows_small=True))
    optimisation: Optimisation = FULL_SIZE
    weights: LossWeights = FULL_SIZE_WEIGHTS
    crops: PhotoCrops = field(default_factory=lambda: PhotoCrops(size=FULL_SIZE_CROP, least_scale=0.7))
    damage: DamageRecipe = LARGE_PHOTOS
    ratios: tuple[float, float] = (1.2, 4.0)


def train_full_size(
    files: Sequence[Path],
    photo_net: PhotoNet,
    settings: FullSizeTraining,
    *,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the full-size network on the results of ``photo_net``, which does not learn; see ``training_loop``."""
    optimisation = settings.optimisation
    # A network with random weights, beside the photo network, which is fixed.
    with seeded_weights(optimisation.seed):
        network = FullSizeNet(settings.network)
    restore = full_size_restorer(channels_last(photo_net.to(compute.device)).eval(), settings)

    # Pairs of damaged and clean crops.
    batches = photo_batches(files, settings.crops, settings.damage, optimisation, compute)
    return train_restoration(
        network,
        batches,
        optimisation,
        weights=settings.weights,
        restore=restore,
        checkpoint=checkpoint,
        compute=compute,
    )


def full_size_restorer(photo_net: PhotoNet, settings: FullSizeTraining) -> Restorer:
    """Returns a restorer that runs a full-size network as restoration does, at a random ratio of sizes in each step."""

    def restore(network: nn.Module, pairs: Pairs, step: int) -> Tensor:
        low_in = F.interpolate(
            pairs.damaged, size=_small_size(settings, step), mode="bicubic", antialias=True, align_corners=False
        ).clamp(0, 1)
        with torch.no_grad():
            low_out = photo_net(low_in).float()
        # The variances of the guided filter are about as small as what bfloat16 rounds off their terms.
        with torch.autocast(pairs.damaged.device.type, enabled=False):
            return network(low_in, low_out, pairs.damaged)

    return restore


def _small_size(settings: FullSizeTraining, step: int) -> tuple[int, int]:
    random = torch.Generator().manual_seed(settings.optimisation.seed * 1_000_003 + step)
    least, most = settings.ratios
    ratio = least * (most / least) ** cast(float, torch.rand((), generator=random).item())
    side = round(settings.crops.size / ratio)
    return side, side
