"""Ways to render a generator's image at the resolution of the input: by twins, cheaply, or by the generator itself."""

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
    """Renders W+ styles at low resolution, with the target to compare with.

    Attributes:
        height: height in px of the images that are rendered, before they are degraded.
        target: images (B, 3, h, h) to compare with: the input, downscaled if the view renders smaller images.
        is_full: whether the generator itself renders.
        is_true: whether the result is exact, without a twin and without a part of the degradation left out.
    """

    height: int
    target: Tensor
    is_full: bool
    is_true: bool
    _render: Callable[[Tensor], Tensor] = field(repr=False)
    _degradation: Degradation = field(repr=False)

    def __call__(self, ws: Tensor) -> Tensor:
        """Renders ws (B, num_ws, w_dim) as images of the target's shape, differentiable, not clamped."""
        return self._degradation(self._render(ws))


def views_of(problem: SearchProblem, kit: SearchKit) -> list[View]:
    """Lists the views to search one after the other, from coarse to fine.

    These are the twins smaller than the input, then the smallest twin that is not, or else the generator itself.
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
    """Returns the degradation without JPEG, whose steps disturb a line search; full passes correct for it."""
    return problem.degradation.without_steps()
