"""Trains the network that fills damage from its surroundings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.inpaint import InpaintNet, InpaintSettings, fill_smoothly, halved
from photopulse.training.compute import Compute
from photopulse.training.learner import channels_last, learner_of
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import INPAINT, INPAINT_CROP
from photopulse.training.restoration.start import first_network
from photopulse.training.restoration.worn import Worn, WornCrops, worn_batches

_WIDEST: Final = 9  # px by which holes are made larger.


@dataclass(frozen=True, kw_only=True)
class InpaintTraining:
    """Settings of the inpainting network's training.

    Attributes:
        network: sizes of the network.
        optimisation: settings of the optimisation.
        crops: how crops are made and worn.
        coarse: share of the batches that begin with what the network made at half of the size, as wide holes do.
    """

    network: InpaintSettings = field(default_factory=InpaintSettings)
    optimisation: Optimisation = INPAINT
    crops: WornCrops = field(default_factory=lambda: replace(WornCrops().of_size(INPAINT_CROP), prints=0.2, worn=1.0))
    coarse: float = 0.25


def train_inpaint(
    files: Sequence[Path],
    settings: InpaintTraining,
    *,
    start: InpaintNet | None = None,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the inpainting network, see ``training_loop``.

    Without a checkpoint it begins with the weights of ``start``, or with random ones if that is None. The loss is the
    L1 distance in the holes.
    """
    optimisation = settings.optimisation
    # The network and its optimiser.
    network = first_network(lambda: InpaintNet(settings.network), start, seed=optimisation.seed)
    learner = learner_of(channels_last(network.to(compute.device)), compute, optimisation)

    def take_step(worn: Worn, step: int) -> dict[str, Tensor]:
        # Draw how the holes are first filled and how far they are widened.
        random = torch.Generator().manual_seed(optimisation.seed * 1_000_003 + step)
        coarse, more = cast(list[float], torch.rand(2, generator=random).tolist())
        worn = worn.to(compute.device)
        holes = widened(worn.mask, round(more * _WIDEST))
        # Fill the holes smoothly or by the network at half of the size, then by the network at full size.
        with compute.autocast():
            start = first_fill(learner.network, worn.picture, holes, coarse=coarse < settings.coarse)
            made = learner.network(start, holes)
        losses = {"hole": _distance(made, worn.clean, holes), "smooth": _distance(start, worn.clean, holes)}
        learner.minimize(losses["hole"], step)
        return {name: loss.detach() for name, loss in losses.items()}

    batches = worn_batches(files, settings.crops, optimisation, compute)
    return training_loop(
        take_step,
        batches,
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
    )


def widened(mask: Tensor, more: int) -> Tensor:
    """Makes the holes of a mask (B, 1, H, W) wider by ``more`` px in all, odd numbers rounded down."""
    side = more // 2
    return F.max_pool2d(mask, 2 * side + 1, stride=1, padding=side)


def first_fill(network: nn.Module, pictures: Tensor, holes: Tensor, *, coarse: bool) -> Tensor:
    """Fills holes smoothly, or by the network at half of the size; no gradients."""
    with torch.no_grad():
        if not coarse:
            return fill_smoothly(pictures, holes)
        small, small_holes = halved(pictures, holes)
        filled = cast(Tensor, network(fill_smoothly(small, small_holes), small_holes)).float().clamp(0, 1)
        large = F.interpolate(filled, pictures.shape[2:], mode="bilinear", align_corners=False)
        return torch.where(holes > 0, large, pictures)


def _distance(made: Tensor, clean: Tensor, holes: Tensor) -> Tensor:
    """The mean distance in the holes of a batch."""
    return ((made.float() - clean).abs() * holes).sum() / (3 * holes.sum()).clamp(min=1)
