"""Trains a small StyleGAN2 against a discriminator (Karras et al. 2020, arXiv 1912.04958 and 2006.06676)."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.stylegan2 import StyleGAN2Settings
from photopulse.metrics.features import load_features
from photopulse.training.compute import Compute
from photopulse.training.gan_losses import HINGE, LOGISTIC, slope_penalty
from photopulse.training.generator.augment import Augmentation, AugmentSettings, turned_at_random
from photopulse.training.generator.defaults import CHANNELS, FREEZE, GENERATOR, R1_WEIGHT, STYLE, WIDTH, Judge
from photopulse.training.generator.discriminator import Discriminator
from photopulse.training.generator.projected import ProjectedDiscriminator
from photopulse.training.learner import Learner, channels_last, learner_of, seeded_weights
from photopulse.training.loop import Trained, training_loop
from photopulse.training.optimisation import Optimisation

_BETAS: Final = (0.0, 0.99)
_MIXED: Final = 0.5  # share of the pictures whose layers take two styles.


@dataclass(frozen=True, kw_only=True)
class GeneratorTraining:
    """Settings of a generator's training.

    Attributes:
        network: sizes of the generator, and of the discriminator, which has the same widths.
        optimisation: settings of the optimisation of both.
        augment: the random changes of all pictures that the discriminator sees.
        mirror: whether real pictures are mirrored at random, because both sides are equally likely.
        turn: whether real pictures are turned by multiples of 90 degrees, because no direction is up.
        r1_weight: weight of the penalty R1.
        r1_every: steps between two penalties, which weigh as much more.
        judge: what the discriminator sees: the pixels, or features of EfficientNet-Lite0 (``"projected"``), which
            learns faster from few pictures and takes no penalty.
        freeze: first blocks of a discriminator that rest, if it comes from an earlier training on other pictures
            (Freeze the Discriminator, Mo et al. 2020, arXiv 2002.10964); the features of ``"projected"`` always rest.
    """

    network: StyleGAN2Settings = field(default_factory=lambda: small_settings(64))
    optimisation: Optimisation = GENERATOR
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    mirror: bool = True
    turn: bool = False
    r1_weight: float = R1_WEIGHT
    r1_every: int = 8
    judge: Judge = "pixels"
    freeze: int = FREEZE


def small_settings(size: int, *, width: int = WIDTH, channels: int = CHANNELS, style: int = STYLE) -> StyleGAN2Settings:
    """Returns the sizes of a StyleGAN2 that trains on a CPU: a million parameters at 64 px.

    Args:
        size: height and width of the pictures in px.
        width: a layer at H px has ``width / H`` channels.
        channels: the most channels of a layer.
        style: length of z and of a style.
    """
    return StyleGAN2Settings(
        resolution=size,
        z_dim=style,
        w_dim=style,
        mapping_layers=4,
        channel_base=width,
        channel_max=channels,
        # Without noise inputs a style says everything about the picture, as the search wants it.
        use_noise=False,
        conv_clamp=256.0,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class EarlierDiscriminator:
    """The discriminator of an earlier training, with which another begins.

    Attributes:
        weights: its state; it is used if the shapes fit.
        changed: probability of the random changes at the end of that training. Few pictures would be learned by heart
            if they were shown unchanged again.
    """

    weights: Mapping[str, Tensor]
    changed: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Real pictures (B, 3, H, W) in [-1, 1], and the random generator of the rest of the step."""

    pictures: Tensor
    random: torch.Generator


def train_generator(
    pictures: Tensor,
    start: StyleGenerator,
    settings: GeneratorTraining,
    *,
    discriminator: EarlierDiscriminator | None = None,
    checkpoint: Path,
    compute: Compute,
) -> Iterator[Trained]:
    """Trains on pictures (N, 3, H, W) uint8, see ``training_loop``; the losses come with the changes' probability.

    Args:
        pictures: real ones, of the generator's size.
        start: generator whose weights are the initial ones; itself it stays as it is.
        settings: settings of the training.
        discriminator: discriminator to begin with, whose first ``settings.freeze`` blocks then rest; None begins with
            random weights.
        checkpoint: file to go on from.
        compute: where to compute.
    """
    # The networks, and what trains them.
    optimisation = settings.optimisation
    network = channels_last(deepcopy(start).requires_grad_(True).train().to(compute.device))
    with seeded_weights(optimisation.seed + 1):
        judge = _discriminator(settings, compute, discriminator)
    judge = channels_last(judge.to(compute.device))
    learner = learner_of(network, compute, optimisation, betas=_BETAS)
    adversary = Learner(
        judge, compute, learning_rate=optimisation.learning_rate, betas=_BETAS, schedule=optimisation.schedule
    )
    augment = Augmentation(settings.augment)
    if discriminator is not None and settings.augment.target:
        augment.probability.fill_(min(max(discriminator.changed, 0.0), settings.augment.most))
    losses = HINGE if settings.judge == "projected" else LOGISTIC
    r1_weight = 0.0 if settings.judge == "projected" else settings.r1_weight

    def take_step(batch: Batch, step: int) -> dict[str, Tensor]:
        # Real pictures, and made ones as the discriminator sees them.
        real = channels_last(batch.pictures.to(compute.device))
        with compute.autocast():
            made = channels_last(make_pictures(network, len(real), batch.random))
            seen_made = judge.see(augment(made, batch.random))
        changed = augment(real, batch.random)

        # The discriminator learns from real and made pictures.
        judge.requires_grad_(True)
        with compute.autocast():
            of_real = judge.rate(judge.see(changed))
            of_made = judge.rate([one.detach() for one in seen_made])
        of_discriminator = losses.discriminator(of_real, of_made)
        loss = of_discriminator
        if r1_weight and step % settings.r1_every == 0:
            penalty = slope_penalty(lambda pictures: judge.rate(judge.see(pictures)), changed)
            loss = loss + r1_weight * settings.r1_every * penalty
        adversary.minimize(loss, step)

        # The generator learns from the discriminator, whose own weights rest.
        judge.requires_grad_(False)
        with compute.autocast():
            logits = judge.rate(seen_made)
        of_generator = losses.generator(logits)
        learner.minimize(of_generator, step)

        # The changes become more probable while the discriminator is too sure of the real pictures.
        sign = compute.mean(of_real.detach().float().sign().mean())
        augment.adapt(sign.item(), len(real) * compute.processes)
        return {
            "generator": of_generator,
            "discriminator": of_discriminator,
            "sign of real": sign,
            "changed": augment.probability.clone(),
        }

    return training_loop(
        take_step,
        lambda done: _batches(pictures, settings, compute, done),
        learner,
        steps=optimisation.steps,
        checkpoint=checkpoint,
        save_every=optimisation.save_every,
        others=adversary.parts("discriminator_") | {"augment": augment},
    )


def make_pictures(network: StyleGenerator, count: int, random: torch.Generator) -> Tensor:
    """Renders pictures (count, 3, H, W) in [-1, 1] of random latents, half of them of two styles (style mixing)."""
    z = torch.randn(2 * count, network.z_dim, generator=random)
    one, other = network.map(z.to(network.device)).chunk(2)
    # Layers from a random one on take the other style, or none does.
    first = torch.randint(1, network.num_ws, (count, 1), generator=random)
    mixed = torch.rand(count, 1, generator=random) < _MIXED
    takes_other = (torch.arange(network.num_ws) >= first) & mixed
    ws = torch.where(takes_other[:, :, None].to(one.device), other, one)
    noise = network.make_noise(count, random) if network.noise_shapes else None
    return network.synthesize(ws, noise) * 2 - 1


def _discriminator(
    settings: GeneratorTraining, compute: Compute, earlier: EarlierDiscriminator | None
) -> Discriminator | ProjectedDiscriminator:
    """Makes the discriminator, with the weights of an earlier training if their shapes fit."""
    if settings.judge == "projected":
        judge = ProjectedDiscriminator(load_features(compute.device), settings.network.resolution)
    else:
        judge = Discriminator(settings.network)
    if earlier is not None and _shapes(earlier.weights) == _shapes(judge.state_dict()):
        judge.load_state_dict(dict(earlier.weights))
        if isinstance(judge, Discriminator):
            judge.resting = settings.freeze
    return judge


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: values.shape for name, values in state.items()}


def _batches(pictures: Tensor, settings: GeneratorTraining, compute: Compute, done: int) -> Iterator[Batch]:
    optimisation = settings.optimisation
    number = compute.batch_number(done)
    while True:
        order = compute.order(done, batch_size=optimisation.batch_size, seed=optimisation.seed)
        random = order.random(number)
        chosen = torch.randint(len(pictures), (optimisation.batch_size,), generator=random)
        some = pictures[chosen].float() / 127.5 - 1
        yield Batch(pictures=turned_at_random(some, random, mirror=settings.mirror, turn=settings.turn), random=random)
        number += compute.processes
