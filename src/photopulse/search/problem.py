"""The input and the result of a search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from photopulse.degrade import Degradation
from photopulse.generators.protocol import Generator
from photopulse.search.prior import GaussianPrior


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchProblem:
    """A batch of searches for images of ``generator`` that ``degradation`` maps to ``target``.

    Attributes:
        target: low-resolution images (B, 3, h, w) in [0, 1], on the generator's device.
        degradation: degradation from the generator's image to the target.
        generator: generator of the images.
        prior: Gaussian fit of the generator's W space.
        seeds: random seed of each item; the same seed gives the same answer, whatever else is in the batch.
    """

    target: Tensor
    degradation: Degradation
    generator: Generator
    prior: GaussianPrior
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        side = self.generator.resolution // self.degradation.factor
        expected = (len(self.seeds), 3, side, side)
        if tuple(self.target.shape) != expected:
            raise ValueError(f"the target must be {expected}, but is {tuple(self.target.shape)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchResult:
    """The best image of a search so far, never merely the last; a batch of independent items.

    Attributes:
        image: (B, 3, resolution, resolution), nominally in [0, 1], not clamped.
        ws: its styles, (B, num_ws, w_dim).
        noise: its noise inputs, each (B, 1, H, W).
        downscale_mse: mean squared error to the target of the image, clamped to [0, 1] and downscaled, (B,).
        loss: the search's own measure of the image, (B,).
        converged: whether ``downscale_mse`` is at most eps, (B,) bool.
        steps: the classic search has taken, or rounds of the fast one, each of which ends with a full pass.
        full_evaluations: how often a full-size image was computed.
    """

    image: Tensor
    ws: Tensor
    noise: tuple[Tensor, ...]
    downscale_mse: Tensor
    loss: Tensor
    converged: Tensor
    steps: int
    full_evaluations: int

    def with_items_of(self, other: "SearchResult", choose: Callable[[Tensor, Tensor], Tensor]) -> "SearchResult":
        """Makes each tensor of this one's and the other's; steps and evaluations stay this one's."""
        return replace(
            self,
            image=choose(self.image, other.image),
            ws=choose(self.ws, other.ws),
            noise=tuple(choose(mine, others) for mine, others in zip(self.noise, other.noise, strict=True)),
            downscale_mse=choose(self.downscale_mse, other.downscale_mse),
            loss=choose(self.loss, other.loss),
            converged=choose(self.converged, other.converged),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchState:
    """One step of a running search.

    Attributes:
        step: counted from 1.
        current: what this step shows.
        losses: each term of this step, unweighted, and the weighted ``"TOTAL"``: name -> (B,).
        best: the best so far; after the last step, the answer.
    """

    step: int
    current: SearchResult
    losses: Mapping[str, Tensor]
    best: SearchResult

    @property
    def image(self) -> Tensor:
        """The image of this step, (B, 3, resolution, resolution), not clamped."""
        return self.current.image

    @property
    def downscale_mse(self) -> Tensor:
        """The error of this step's image, clamped to [0, 1] as it would be written, (B,)."""
        return self.current.downscale_mse

    @property
    def figures(self) -> dict[str, float]:
        """What progress tells: the error of the best images so far, their mean."""
        return {"mse": self.best.downscale_mse.mean().item()}


def better_of(old: SearchResult, new: SearchResult) -> SearchResult:
    """Keeps, item by item, the better of two results: one that converged, then the one of lower loss."""
    # Which items are better, and whether that is so for none or all of them.
    wins = (new.converged & ~old.converged) | ((new.converged == old.converged) & (new.loss < old.loss))
    if not wins.any():
        return replace(old, steps=new.steps, full_evaluations=new.full_evaluations)
    if wins.all():
        return new

    # Item by item.
    def pick(late: Tensor, early: Tensor) -> Tensor:
        return torch.where(wins.view(-1, *[1] * (late.ndim - 1)), late, early)

    return new.with_items_of(old, pick)
