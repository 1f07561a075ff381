"""Trains the style encoder on pairs of rendered faces and the styles from which they were rendered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.search.style_encoder import StyleEncoder
from photopulse.training.batches import made_ahead
from photopulse.training.compute import Compute
from photopulse.training.encoder.degraded import SmallDegradation, degraded
from photopulse.training.learner import channels_last, learner_of
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation


@dataclass(frozen=True, kw_only=True)
class EncoderFitSettings:
    """Settings of the fit of a generator's style encoder.

    Attributes:
        faces: number of small faces in the training set.
        steps: number of training steps, of one batch each.
        batch_size: number of faces per batch.
        learning_rate: highest learning rate of Adam.
        seed: random seed for the faces, the first weights and the batches.
        degradation: ranges of the random degradation of the faces.
    """

    faces: int = 60_000
    steps: int = 5400
    batch_size: int = 64
    learning_rate: float = 1e-3
    seed: int = 0
    degradation: SmallDegradation = field(default_factory=SmallDegradation)


def train_encoder(
    encoder: StyleEncoder,
    faces: Tensor,
    styles_of: Callable[[Sequence[int]], Tensor],
    settings: EncoderFitSettings,
    *,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains the encoder on all faces, see ``training_loop``.

    The loss ``style`` is the mean squared error of standard normal values: predicting the mean face scores 1.

    Args:
        encoder: encoder with its initial weights.
        faces: small faces (N, 3, size, size) uint8.
        styles_of: returns the true shared styles (N, w_dim) of the faces with the given indices.
        settings: settings of the training.
        checkpoint: file of the checkpoint, from which an interrupted training continues.
        compute: processes and devices that compute.
    """
    optimisation = Optimisation(
        steps=settings.steps, batch_size=settings.batch_size, learning_rate=settings.learning_rate, seed=settings.seed
    )
    encoder = channels_last(encoder.to(compute.device))
    learner = learner_of(encoder, compute, optimisation)

    # Batches of degraded faces and their styles.
    def batches(done: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = compute.order(done, batch_size=settings.batch_size, seed=settings.seed)

        def batch(number: int) -> tuple[Tensor, Tensor]:
            random = order.random(number)
            chosen = torch.randint(len(faces), (order.batch_size,), generator=random)
            sharp = faces[chosen].float() / 255
            return degraded(sharp, settings.degradation, random), styles_of(cast(list[int], chosen.tolist()))

        return made_ahead(batch, order)

    # One training step on a batch.
    def take_step(pairs: tuple[Tensor, Tensor], step: int) -> dict[str, Tensor]:
        faces, styles = (part.to(compute.device) for part in pairs)
        with torch.autocast(compute.device.type, torch.bfloat16):
            styles_told = encoder(faces.contiguous(memory_format=torch.channels_last))
        loss = F.mse_loss(styles_told.float(), styles)
        learner.minimize(loss, step)
        return {"style": loss}

    return training_loop(
        take_step,
        batches,
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
    )
