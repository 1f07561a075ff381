"""Trains FSRNet on aligned faces (Chen et al., CVPR 2018, section 3.4)."""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.files import atomic_path
from photopulse.restore.fsrnet import SIZE, SMALL, SMALL_SIZE, FSRNet, FSRNetSettings, Sharpened, enlarge_bicubic
from photopulse.training.faces import CropSettings, TrainingFace
from photopulse.training.pairs import FaceBatch, batches


@dataclass(frozen=True, kw_only=True)
class FSRNetTraining:
    """The recipe.

    Attributes:
        network: sizes of the network.
        crops: how faces lie in the training pictures.
        steps: batches in all.
        batch_size: faces in each.
        learning_rate: Adam's, after ``warmup`` steps; it falls to a hundredth along a cosine.
        warmup: steps.
        coarse_weight: of the coarse picture's L1 distance; the fine one's has the weight 1.
        geometry_weight: of the heatmaps' and the part maps' errors.
        averaging: of the weights that are kept: each step's count 1 - this.
        seed: of weights and data.
    """

    network: FSRNetSettings = SMALL
    crops: CropSettings = field(default_factory=CropSettings)
    steps: int = 6000
    batch_size: int = 16
    learning_rate: float = 8e-4
    warmup: int = 100
    coarse_weight: float = 0.3
    geometry_weight: float = 0.02
    averaging: float = 0.998
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """After a step: its number from 1, its losses by name, and the averaged network."""

    step: int
    losses: dict[str, float]
    network: FSRNet


def train_fsrnet(
    faces: Sequence[TrainingFace], settings: FSRNetTraining, *, checkpoint: Path, device: str = "cpu"
) -> Iterator[TrainingState]:
    """Trains and yields after each step; goes on from ``checkpoint`` if it is there (see ``save``).

    Computes in bfloat16 where that is safe. The pictures' distance is L1 and not the paper's L2: it converges
    sooner (Zhao et al. 2017).
    """
    torch.manual_seed(settings.seed)
    network = FSRNet(settings.network).to(device)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    average = deepcopy(network).requires_grad_(False).eval()
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    done = _resume(checkpoint, network, average, optimizer)
    endless = batches(
        faces,
        settings.crops,
        batch_size=settings.batch_size,
        seed=settings.seed,
        first_step=done,
        factor=SIZE // SMALL_SIZE,
        map_size=SIZE // settings.network.stride,
    )
    for step, batch in enumerate(islice(endless, settings.steps - done), start=done + 1):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * _schedule(step, settings)
        enlarged = enlarge_bicubic(batch.small.to(device)).to(memory_format=torch.channels_last)
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            answer: Sharpened = network(enlarged)
        losses = fsrnet_losses(answer, batch)
        loss = (
            losses["fine"]
            + settings.coarse_weight * losses["coarse"]
            + settings.geometry_weight * (losses["landmarks"] + losses["parts"])
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _average(average, network, settings.averaging, step)
        state = TrainingState(step=step, losses={name: value.item() for name, value in losses.items()}, network=average)
        yield state
        if step % 200 == 0 or step == settings.steps:
            _save(checkpoint, step, network, average, optimizer)


def fsrnet_losses(answer: Sharpened, batch: FaceBatch) -> dict[str, Tensor]:
    """Measures how far both pictures and the geometry of an answer are from a batch; each a scalar."""
    sharp = batch.sharp.to(answer.fine.device)
    # A landmark fills so few pixels of its map that an even mean would teach black maps.
    emphasis = 1 + 30 * batch.landmarks.to(sharp)
    difference = answer.landmarks.float() - batch.landmarks.to(sharp)
    return {
        "fine": F.l1_loss(answer.fine.float(), sharp),
        "coarse": F.l1_loss(answer.coarse.float(), sharp),
        "landmarks": (emphasis * difference.square()).mean(),
        "parts": F.binary_cross_entropy_with_logits(answer.parts.float(), batch.parts.to(sharp)),
    }


def _schedule(step: int, settings: FSRNetTraining) -> float:
    if step < settings.warmup:
        return step / settings.warmup
    progress = (step - settings.warmup) / max(settings.steps - settings.warmup, 1)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2


def _average(average: FSRNet, network: FSRNet, averaging: float, step: int) -> None:
    """Moves the average towards the network, faster in the first steps."""
    share = max(1 - averaging, 1 / (step + 1))
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now.detach(), share)


def _save(path: Path, step: int, network: FSRNet, average: FSRNet, optimizer: torch.optim.Adam) -> None:
    content = {
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def _resume(path: Path, network: FSRNet, average: FSRNet, optimizer: torch.optim.Adam) -> int:
    if not path.is_file():
        return 0
    content = torch.load(path, weights_only=True, map_location="cpu")
    network.load_state_dict(content["network"])
    average.load_state_dict(content["average"])
    optimizer.load_state_dict(content["optimizer"])
    return content["step"]
