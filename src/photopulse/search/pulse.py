"""Classic PULSE: gradient descent on a sphere in latent space for an image that downscales to the input.

Menon et al., "PULSE: Self-Supervised Photo Upsampling via Latent Space Exploration of Generative Models",
CVPR 2020.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Adamax, Optimizer

from photopulse.search.losses import LossTerm, evaluate_loss, mean_squared_error, parse_loss
from photopulse.search.names import OptimizerName, ScheduleName
from photopulse.search.prior import to_ws
from photopulse.search.problem import SearchProblem, SearchResult, SearchState, better_of
from photopulse.search.schedules import SCHEDULES
from photopulse.search.sphere import project_onto_sphere_, radii
from photopulse.search.starts import NoiseSettings, Start, random_start, trainable_indices


@dataclass(frozen=True, kw_only=True)
class PulseSettings:
    """Settings of classic PULSE; the defaults are the paper's.

    Attributes:
        steps: number of optimisation steps, each a full forward and backward pass.
        learning_rate: learning rate, which the schedule scales.
        eps: mean squared error of the downscaled image at which an item has converged.
        loss: weighted terms of the loss, see ``parse_loss``.
        optimizer: name of the optimizer; after each step, latents are projected back onto the sphere.
        schedule: name of the learning rate schedule.
        tile_latent: whether all layers share one latent (W) instead of having one each (W+).
        noise: settings of the noise inputs.
    """

    steps: int = 100
    learning_rate: float = 0.4
    eps: float = 1e-3
    loss: tuple[LossTerm, ...] = parse_loss("100*L2+0.05*GEOCROSS")
    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "linear1cycledrop"
    tile_latent: bool = False
    noise: NoiseSettings = field(default_factory=NoiseSettings)

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        if not (self.steps >= 1 and self.eps >= 0 and 0 < self.learning_rate < math.inf):
            raise ValueError("a search needs steps of at least 1, eps of at least 0 and a learning rate above 0")
        if not self.loss:
            raise ValueError("a search needs at least one loss")


def pulse_search(
    problem: SearchProblem, settings: PulseSettings, *, start: Start | None = None
) -> Iterator[SearchState]:
    """Searches all items of the problem together and yields after each step; the caller may stop at any time.

    The items do not influence each other. ``start`` replaces the random start that follows from the problem's seeds.

    Raises:
        ValueError: on the first step, if ``start`` is not for as many items as the problem has.
    """
    # The start, and what is optimised.
    generator = problem.generator
    layers = 1 if settings.tile_latent else generator.num_ws
    start = start or random_start(generator, problem.seeds, layers=layers, noise=settings.noise)
    if len(start.latent) != len(problem.seeds):
        raise ValueError(f"the start is for {len(start.latent)} items, but the problem has {len(problem.seeds)}")
    latent, noise = start.latent.detach().clone(), [values.detach().clone() for values in start.noise]
    searched = [latent] + [noise[i] for i in trainable_indices(settings.noise, len(noise))]
    radius = [radii(values) for values in searched]
    optimizer = _make_optimizer([values.requires_grad_() for values in searched], settings)

    best: SearchResult | None = None
    for step in range(settings.steps):
        # Render, downscale, compare.
        styles = to_ws(latent, problem.prior, generator)
        ws = styles.expand(-1, generator.num_ws, -1)
        image = generator.synthesize(ws, noise)
        small = problem.degradation(image)
        losses = evaluate_loss(settings.loss, image=small, target=problem.target, ws=styles, eps=settings.eps)
        error = _written_error(image, problem)

        # Remember the best, which the optimiser's next step would overwrite.
        current = SearchResult(
            image=image.detach(),
            ws=ws.detach().clone(),
            noise=tuple(values.detach().clone() for values in noise),
            downscale_mse=error,
            loss=losses["TOTAL"].detach(),
            converged=error <= settings.eps,
            steps=step + 1,
            full_evaluations=step + 1,
        )
        best = current if best is None else better_of(best, current)
        detached = {name: values.detach() for name, values in losses.items()}
        yield SearchState(step=step + 1, current=current, losses=detached, best=best)

        # Step, and return to the sphere.
        if step + 1 == settings.steps:
            return
        _set_learning_rate(optimizer, settings, step)
        optimizer.zero_grad()
        losses["TOTAL"].sum().backward()
        optimizer.step()
        for values, length in zip(searched, radius, strict=True):
            project_onto_sphere_(values, length)


@torch.no_grad()
def _written_error(image: Tensor, problem: SearchProblem) -> Tensor:
    """Computes the errors (B,) of the images as they would be saved: clamping can raise them above eps."""
    return mean_squared_error(problem.degradation(image.clamp(0, 1)), problem.target)


def _make_optimizer(parameters: list[Tensor], settings: PulseSettings) -> Optimizer:
    rate = settings.learning_rate
    match settings.optimizer:
        case "adam":
            return Adam(parameters, lr=rate)
        case "sgd":
            return SGD(parameters, lr=rate)
        case "sgdm":
            return SGD(parameters, lr=rate, momentum=0.9)
        case "adamax":
            return Adamax(parameters, lr=rate)


def _set_learning_rate(optimizer: Optimizer, settings: PulseSettings, step: int) -> None:
    factor = SCHEDULES[settings.schedule](step, settings.steps)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * factor
