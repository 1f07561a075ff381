"""Searches twins and corrects them by full passes: one round after the other, until all items are close enough."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor

from photopulse.search.kit import SearchKit
from photopulse.search.lbfgs import BatchedLBFGS, Objective
from photopulse.search.losses import mean_squared_error
from photopulse.search.prior import point_to_ws
from photopulse.search.problem import SearchProblem, SearchResult, SearchState, better_of
from photopulse.search.surface import strongest_unseen
from photopulse.search.views import View, views_of

_PULL: Final = 3e-8  # Towards the start, for directions that the input says nothing of.
_FIRST_STEP: Final = 4.0
_PROGRESS: Final = 0.95  # A round that leaves more of the error than this was in vain.


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long a search tries.

    Attributes:
        first: evaluations of the first view.
        later: evaluations of each following view and round.
        true: evaluations of a round through the generator itself, where no twin is as large as the input.
        rounds: full passes, each after a search of the last view.
        more: further ones for items so far from their targets that a surface that closes the gap would be seen.
    """

    first: int
    later: int
    true: int
    rounds: int
    more: int

    @property
    def most_rounds(self) -> int:
        """How many full passes there may be."""
        return self.rounds + self.more


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """Where a search starts, or where one ended.

    Attributes:
        point: shared style and offsets of each item, (B, (1 + num_ws) * w_dim).
        scale: of the solver there, (B, 1).
        defect: what the last view shows there less what is true, (B, 3, h, h).
    """

    point: Tensor
    scale: Tensor
    defect: Tensor


class Clock:
    """Tells when the time that a search may take is over, None for never."""

    def __init__(self, time_limit: float | None) -> None:
        self._end = time.monotonic() + (time_limit or math.inf)

    def is_over(self, *, in_seconds: float) -> bool:
        return time.monotonic() + in_seconds > self._end


def reachable_eps(eps: float, problem: SearchProblem) -> float:
    """Returns ``eps``, or what the declared random damage leaves between the truth and the input, if that is more.

    That error is a mean over inputs; two of its standard deviations are added, or half the truths would lie beyond.
    """
    values = problem.target[0].numel()
    expected = problem.degradation.expected_error(side=problem.target.shape[-1])
    return max(eps, expected * (1 + 2 * math.sqrt(2 / values)))


class TwinSearch:
    """One search: where it is (``point``), what it compares, and the best picture so far."""

    def __init__(
        self,
        problem: SearchProblem,
        kit: SearchKit,
        *,
        effort: Effort,
        eps: float,
        show_every: int,
        clock: Clock,
        origin: Origin | None = None,
    ) -> None:
        self._problem = problem
        self._views = views_of(problem, kit)
        self._effort = effort
        self._wanted = eps
        self._eps = reachable_eps(eps, problem)
        self._show_every = show_every
        self._clock = clock
        # What no surface may close, the search itself has to.
        self._unseen = strongest_unseen(problem.target.shape[-1]) if problem.degradation.is_linear else 0.0
        self._pass_seconds = 0.0
        if origin is not None:
            self._views = self._views[-1:]
        self._is_warm = origin is not None or len(self._views) > 1
        self._start = self._mean() if origin is None else origin.point
        self._point = self._start
        self._scale = None if origin is None else origin.scale
        self._defect = torch.zeros_like(problem.target) if origin is None else origin.defect
        self._best: SearchResult | None = None
        self._open = torch.ones(len(problem.seeds), dtype=torch.bool, device=problem.target.device)
        self._passes = 0
        self._rendered = 0
        self._shown = 0

    @property
    def origin(self) -> Origin:
        """Where the search is."""
        scale = torch.ones_like(self._point[:, :1]) if self._scale is None else self._scale
        return Origin(point=self._point, scale=scale, defect=self._defect)

    def run(self) -> Iterator[SearchState]:
        """Yields after each full pass."""
        *smaller, last = self._views
        evaluations = self._effort.first
        for view in smaller:
            yield from self._descend(view, view.target, evaluations)
            evaluations = self._effort.later
        if last.is_full and self._is_warm:
            evaluations = self._effort.true
        while self._open.any():
            yield from self._descend(last, last.target + self._defect, evaluations)
            ws, image, small = self._render()
            before = self._best
            yield self._keep(ws, image)
            if not last.is_true:
                is_open = self._open.view(-1, 1, 1, 1)
                self._defect = torch.where(is_open, self._see(last, ws) - small, self._defect)
            self._close(before)
            evaluations = self._effort.true if last.is_full else self._effort.later

    def _descend(self, view: View, target: Tensor, evaluations: int) -> Iterator[SearchState]:
        """Searches one view for a target; yields the pictures to show meanwhile, which change nothing."""
        solver = BatchedLBFGS(self._objective(view, target), self._point, first_step=_FIRST_STEP, scale=self._scale)
        for done in range(1, evaluations):
            if self._is_late():
                break
            solver.step()
            self._move(solver)
            if self._show_every and done % self._show_every == 0:
                ws, image, _ = self._render()
                yield self._state(self._result(ws, image))

    def _move(self, solver: BatchedLBFGS) -> None:
        """Follows the solver with the items that are still searched: how long the others take moves no answer."""
        is_open = self._open[:, None]
        self._point = torch.where(is_open, solver.x, self._point)
        self._scale = solver.scale if self._scale is None else torch.where(is_open, solver.scale, self._scale)

    def _objective(self, view: View, target: Tensor) -> Objective:
        # A smaller view averages the noise of the input away.
        share = (target.shape[-1] / self._problem.target.shape[-1]) ** 2
        floor = max(self._wanted, share * self._eps)

        def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                self._rendered += view.is_full
                error = mean_squared_error(view(self._ws(x)), target)
                # What is within eps pulls no more, as in PULSE: noise is not to be fitted.
                value = error.clamp(min=floor) + _PULL * (x - self._start).square().sum(1)
                (gradient,) = torch.autograd.grad(value.sum(), x)
            return value.detach(), gradient

        return evaluate

    def _ws(self, point: Tensor) -> Tensor:
        return point_to_ws(point, self._problem.prior, self._problem.generator)

    @torch.no_grad()
    def _see(self, view: View, ws: Tensor) -> Tensor:
        return view(ws)

    @torch.no_grad()
    def _render(self) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the styles, the full pictures, and what these downscale to before they are clamped."""
        started = time.monotonic()
        ws = self._ws(self._point)
        # One by one: a picture's features fill the processor's caches, and memory stays small.
        image = torch.cat([self._problem.generator.synthesize(ws[i : i + 1]) for i in range(len(ws))])
        small = self._problem.degradation(image)
        self._pass_seconds = time.monotonic() - started
        return ws, image, small

    def _keep(self, ws: Tensor, image: Tensor) -> SearchState:
        """Remembers the pictures of those items that are still searched, where they are better."""
        self._passes += 1
        self._rendered += 1
        current = self._result(ws, image)
        self._best = current if self._best is None else better_of(self._best, current)
        return self._state(current)

    @torch.no_grad()
    def _result(self, ws: Tensor, image: Tensor) -> SearchResult:
        """Compares what would be written: the search itself sees pictures that are not clamped."""
        error = mean_squared_error(self._problem.degradation(image.clamp(0, 1)), self._problem.target)
        return SearchResult(
            image=image,
            ws=ws,
            noise=(),
            downscale_mse=error,
            loss=torch.where(self._open, error, math.inf),
            converged=self._open & (error <= self._eps),
            steps=self._passes,
            full_evaluations=self._rendered,
        )

    def _state(self, current: SearchResult) -> SearchState:
        self._shown += 1
        losses = {"L2": current.downscale_mse, "TOTAL": current.downscale_mse}
        return SearchState(step=self._shown, current=current, losses=losses, best=self._best or current)

    def _is_late(self) -> bool:
        return self._clock.is_over(in_seconds=self._pass_seconds)

    def _close(self, before: SearchResult | None) -> None:
        """Ends the search of the items that are close enough, or for which more rounds would be in vain or too late."""
        best = cast(SearchResult, self._best)
        if self._is_late() or self._passes == self._effort.most_rounds:
            self._open = torch.zeros_like(self._open)
        self._open = self._open & ~best.converged
        if self._passes >= self._effort.rounds:
            hard = best.downscale_mse.sqrt() - self._eps**0.5 > self._unseen
            gains = before is None or best.downscale_mse < _PROGRESS * before.downscale_mse
            self._open = self._open & hard & gains

    def _mean(self) -> Tensor:
        generator, batch = self._problem.generator, len(self._problem.seeds)
        return torch.zeros(batch, (1 + generator.num_ws) * generator.w_dim, device=generator.device)
