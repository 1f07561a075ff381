"""Rounds of optimising with a twin and correcting it by a pass of the generator, until all items have converged."""

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

_PULL: Final = 3e-8  # Weight of the distance to the start, for directions that the input leaves undetermined.
_FIRST_STEP: Final = 4.0
_PROGRESS: Final = 0.95  # A round that leaves a larger share of the error than this is the last.


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Numbers of evaluations and rounds of a search.

    Attributes:
        first: evaluations of the first view.
        later: evaluations of each following view, and of the last view in each further round.
        true: evaluations of the last view in a round, if that is the generator itself because no twin is as large as
            the input.
        rounds: number of rounds, each of which optimises the last view and ends with a pass of the generator.
        more: further rounds for items whose remaining error is too large for an invisible correction (``close_gap``).
    """

    first: int
    later: int
    true: int
    rounds: int
    more: int

    @property
    def most_rounds(self) -> int:
        """Largest number of the generator's passes."""
        return self.rounds + self.more


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """The start of a search, or the state in which another ended.

    Attributes:
        point: shared style and offsets of each item (B, (1 + num_ws) * w_dim), see ``point_to_ws``.
        scale: step length of the solver at that point (B, 1), see ``BatchedLBFGS``.
        defect: error of the last view at that point (B, 3, h, h): its image minus the true one.
    """

    point: Tensor
    scale: Tensor
    defect: Tensor


class Clock:
    """Measures the time that a search may take, in seconds; None for no limit."""

    def __init__(self, time_limit: float | None) -> None:
        self._end = time.monotonic() + (time_limit or math.inf)

    def is_over(self, *, in_seconds: float) -> bool:
        return time.monotonic() + in_seconds > self._end


def reachable_eps(eps: float, problem: SearchProblem) -> float:
    """Returns ``eps``, or the error that a random degradation leaves between the true image and the input, if larger.

    That error is a mean over inputs. Two standard deviations are added, or else half of the true images would be
    beyond it.
    """
    values = problem.target[0].numel()
    expected = problem.degradation.expected_error(side=problem.target.shape[-1])
    return max(eps, expected * (1 + 2 * math.sqrt(2 / values)))


class TwinSearch:
    """A search in progress: its point, its views and the best result so far."""

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
        self._start = kit.first_guess(problem.target) if origin is None else origin.point
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
        """The current point, from which another search can start."""
        scale = torch.ones_like(self._point[:, :1]) if self._scale is None else self._scale
        return Origin(point=self._point, scale=scale, defect=self._defect)

    def run(self) -> Iterator[SearchState]:
        """Searches, and yields after each pass of the generator."""
        # Coarser views.
        *smaller, last = self._views
        evaluations = self._effort.first
        for view in smaller:
            yield from self._descend(view, view.target, evaluations)
            evaluations = self._effort.later
        if last.is_full and self._is_warm:
            evaluations = self._effort.true

        # Rounds: optimise the last view, render the full image, correct the view by its error there.
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
        """Optimises one view for a target; yields images for animations meanwhile, which do not change the result."""
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
        """Moves the items that have not converged to the solver's point; the others keep theirs."""
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
                # Below eps the gradient vanishes, as in PULSE: noise must not be fitted.
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
        """Renders the current point: its styles, the full images, and these degraded before they are clamped."""
        started = time.monotonic()
        ws = self._ws(self._point)
        # One by one: a picture's features fill the processor's caches, and memory stays small.
        image = torch.cat([self._problem.generator.synthesize(ws[i : i + 1]) for i in range(len(ws))])
        small = self._problem.degradation(image)
        self._pass_seconds = time.monotonic() - started
        return ws, image, small

    def _keep(self, ws: Tensor, image: Tensor) -> SearchState:
        """Stores the images of the items that have not converged where they are better than before."""
        self._passes += 1
        self._rendered += 1
        current = self._result(ws, image)
        self._best = current if self._best is None else better_of(self._best, current)
        return self._state(current)

    @torch.no_grad()
    def _result(self, ws: Tensor, image: Tensor) -> SearchResult:
        """Computes the errors of the images as they would be saved, clamped."""
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
        """Ends the search of items that have converged, that no longer improve, or whose time is over."""
        best = cast(SearchResult, self._best)
        if self._is_late() or self._passes == self._effort.most_rounds:
            self._open = torch.zeros_like(self._open)
        self._open = self._open & ~best.converged
        if self._passes >= self._effort.rounds:
            hard = best.downscale_mse.sqrt() - self._eps**0.5 > self._unseen
            gains = before is None or best.downscale_mse < _PROGRESS * before.downscale_mse
            self._open = self._open & hard & gains
