"""Fits a twin to its generator: it learns to render what the downscaled picture looks like (distillation)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.twin import Twin
from photopulse.search.kit import TWIN_SIZES
from photopulse.training.batches import seeded
from photopulse.training.compute import Compute
from photopulse.training.learner import DivergedError, Learner
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import warm_cosine
from photopulse.training.twin.samples import TwinSamples

_WARMUP = 100
_SAVE_EVERY = 100
_MEASURED_TOGETHER = 16


@dataclass(frozen=True, kw_only=True)
class TwinFitSettings:
    """Settings of the fit of a generator's twins.

    Attributes:
        sizes: resolutions of the twins in px; each twin is fitted for itself.
        samples: pictures rendered at full size as training data, once for all sizes.
        steps: number of batches.
        batch: samples per batch.
        learning_rate: highest learning rate of Adam, after 100 steps; it falls to a hundredth along a cosine. 3e-4 is
            too much.
        seed: random seed for samples and batches.
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


def train_twin(twin: Twin, samples: TwinSamples, settings: TwinFitSettings, *, checkpoint: Path) -> Iterator[Trained]:
    """Trains the twin's tail, see ``training_loop``; afterwards the twin is frozen.

    The loss ``mse`` is the squared distance to the true small pictures. On CPUs the tail computes in bfloat16, the
    trunk, which does not learn, in float32.

    Raises:
        PhotopulseError: if the loss is infinite or not a number, or the checkpoint is of another network.
    """
    # The trainable part, and what trains it.
    tail = twin.tail.requires_grad_(True).train()
    learner = Learner(
        tail,
        Compute(device=_device(twin)),
        learning_rate=settings.learning_rate,
        betas=(0.9, 0.99),
        schedule=partial(warm_cosine, steps=settings.steps, warmup=min(_WARMUP, settings.steps // 4)),
    )

    def batches(done: int) -> Iterator[Tensor]:
        for step in count(done + 1):
            yield torch.randint(len(samples), (settings.batch,), generator=seeded(settings.seed, step))

    def take_step(chosen: Tensor, step: int) -> dict[str, Tensor]:
        loss = _loss(twin, samples, chosen)
        learner.minimize(loss, step)
        return {"mse": loss}

    # The training; a twin's own way out replaces that of ``train``.
    try:
        yield from training_loop(
            take_step, batches, learner, steps=settings.steps, checkpoint=checkpoint, save_every=_SAVE_EVERY
        )
    except DivergedError as error:
        raise PhotopulseError(
            f"cannot fit the twin of {twin.size} px",
            why=f"at step {error.step} the loss grew beyond all numbers",
            fix="try another --seed, or leave this size out with --twins; the search then takes the twin as it is",
        ) from error
    tail.requires_grad_(False).eval()


@torch.no_grad()
def measure_twin(twin: Twin, samples: TwinSamples) -> TwinError:
    """Computes the errors of the twin's pictures of all samples, in float32."""
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
