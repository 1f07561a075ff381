"""Fits a twin to its generator: it learns to render what the downscaled picture looks like (distillation)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.generators.twin import Twin
from photopulse.search.kit import TWIN_SIZES
from photopulse.training.loop import load_checkpoint, save_checkpoint, warm_cosine
from photopulse.training.twin.samples import TwinSamples, seeded

_WARMUP = 100
_SAVE_EVERY = 100
_MEASURED_TOGETHER = 16


@dataclass(frozen=True, kw_only=True)
class TwinFitSettings:
    """The recipe.

    Attributes:
        sizes: pixels of the twins, each of which is fitted for itself.
        samples: pictures that are rendered at full size to learn from, once for all sizes.
        steps: batches in all.
        batch: samples in each.
        learning_rate: Adam's, after 100 steps; it falls to a hundredth along a cosine. 3e-4 is too much.
        seed: of samples and batches.
    """

    sizes: tuple[int, ...] = TWIN_SIZES
    samples: int = 3000
    steps: int = 1500
    batch: int = 16
    learning_rate: float = 1.2e-4
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class TwinError:
    """Mean and median over samples of the mean squared error of a twin's picture, both clamped to [0, 1]."""

    mean: float
    median: float


@dataclass(frozen=True, kw_only=True)
class TwinFitState:
    """After a step: its number from 1, and the batch's loss."""

    step: int
    loss: float


def train_twin(
    twin: Twin, samples: TwinSamples, settings: TwinFitSettings, *, checkpoint: Path
) -> Iterator[TwinFitState]:
    """Trains the twin's tail and yields after each step; goes on from ``checkpoint`` if it is there.

    The loss is the squared distance to the true small pictures. On CPUs the tail computes in bfloat16, the trunk,
    which does not learn, in float32. Afterwards the twin is frozen.

    Raises:
        PhotopulseError: if the loss grows beyond all numbers, or the checkpoint is of another network.
    """
    tail = twin.tail.requires_grad_(True).train()
    optimizer = torch.optim.Adam(tail.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    parts = {"tail": tail, "optimizer": optimizer}
    done = load_checkpoint(checkpoint, parts)
    for step in range(done + 1, settings.steps + 1):
        factor = warm_cosine(step, steps=settings.steps, warmup=min(_WARMUP, settings.steps // 4))
        optimizer.param_groups[0]["lr"] = settings.learning_rate * factor
        chosen = torch.randint(len(samples), (settings.batch,), generator=seeded(settings.seed, step))
        loss = _loss(twin, samples, chosen)
        if not loss.isfinite():
            raise _diverged(twin.size, step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tail.parameters(), 1.0)
        optimizer.step()
        if step % _SAVE_EVERY == 0 or step == settings.steps:
            save_checkpoint(checkpoint, step, parts)
        yield TwinFitState(step=step, loss=loss.item())
    tail.requires_grad_(False).eval()


@torch.no_grad()
def measure_twin(twin: Twin, samples: TwinSamples) -> TwinError:
    """Measures how far the twin's pictures are from the true ones, in float32."""
    device, errors = _device(twin), list[Tensor]()
    for first in range(0, len(samples), _MEASURED_TOGETHER):
        some = samples.part(slice(first, first + _MEASURED_TOGETHER))
        made = twin(some.ws.float().to(device)).float().clamp(0, 1)
        errors.append((made - some.pictures[twin.size].float().to(device)).square().mean((1, 2, 3)))
    every = torch.cat(errors)
    return TwinError(mean=every.mean().item(), median=every.median().item())


def _loss(twin: Twin, samples: TwinSamples, chosen: Tensor) -> Tensor:
    device = _device(twin)
    ws = samples.ws[chosen].float().to(device)
    with torch.no_grad():
        features = twin.features(ws)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cpu"):
        made = twin.render(features, ws)
    return F.mse_loss(made.float(), samples.pictures[twin.size][chosen].float().to(device))


def _device(twin: Twin) -> torch.device:
    return next(twin.tail.parameters()).device


def _diverged(size: int, step: int) -> PhotopulseError:
    return PhotopulseError(
        f"cannot fit the twin of {size} px",
        why=f"at step {step} the loss grew beyond all numbers",
        fix="try another --seed, or leave this size out with --twins; the search then takes the twin as it is",
    )
