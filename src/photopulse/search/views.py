"""Cheap and true ways to see a generator's picture as small as the input."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.degrade import Bicubic, Degradation
from photopulse.generators.twin import Twin
from photopulse.search.kit import SearchKit
from photopulse.search.problem import SearchProblem


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A way from styles to small pictures, and what these should look like.

    Attributes:
        height: of the pictures that are rendered.
        target: (B, 3, h, h), the input or, where the view is smaller, the input made smaller.
        is_full: the generator itself renders them.
        is_true: nothing is approximated.
    """

    height: int
    target: Tensor
    is_full: bool
    is_true: bool
    _render: Callable[[Tensor], Tensor] = field(repr=False)
    _degradation: Degradation = field(repr=False)

    def __call__(self, ws: Tensor) -> Tensor:
        """Shows ws (B, num_ws, w_dim) as small pictures like the target, differentiably, not clamped."""
        return self._degradation(self._render(ws))


def views_of(problem: SearchProblem, kit: SearchKit) -> list[View]:
    """Lists the views to search one after the other, the cheapest first; the last one is as large as the input.

    Twins smaller than the input come first, then the smallest twin that is not, or the generator itself.
    """
    views = [_twin_view(twin, problem) for twin in kit.twins_for(problem.target.shape[-1])]
    return views if views and views[-1].target is problem.target else [*views, _full_view(problem)]


def _full_view(problem: SearchProblem) -> View:
    """Returns the view through the generator itself."""
    degradation = _seen_in_search(problem)
    return View(
        height=problem.generator.resolution,
        target=problem.target,
        is_full=True,
        is_true=degradation is problem.degradation,
        _render=lambda ws: torch.cat([problem.generator.synthesize(ws[i : i + 1]) for i in range(len(ws))]),
        _degradation=degradation,
    )


def _twin_view(twin: Twin, problem: SearchProblem) -> View:
    size, side = twin.size, problem.target.shape[-1]
    if size >= side:
        return View(
            height=size,
            target=problem.target,
            is_full=False,
            is_true=False,
            _render=twin,
            _degradation=_seen_in_search(problem).with_factor(size // side),
        )
    # A first look only: what was declared of the small picture has no meaning at this size.
    smaller = F.interpolate(problem.target, size=(size, size), mode="bicubic", antialias=True)
    return View(height=size, target=smaller, is_full=False, is_true=False, _render=twin, _degradation=Bicubic(1))


def _seen_in_search(problem: SearchProblem) -> Degradation:
    """Leaves out JPEG, over whose steps a line search stumbles: the correction by full passes brings it in."""
    return problem.degradation.without_steps()
