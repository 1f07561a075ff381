"""The fast search: optimises with a generator's cheap twins and corrects them by a few passes of the generator.

PULSE's loss depends on the image at the resolution of the input alone, so that most of a pass at full resolution is
wasted. Here L-BFGS optimises a twin, which renders at low resolution. Then one pass of the generator measures the
twin's error at that point, the target is shifted by this error, and the twin is optimised again from there (defect
correction, "space mapping": Bandler et al. 1994). All layers share one style but for small offsets, and the search
starts at the style that the generator's encoder tells, or at the mean face if it has none, so that the styles stay
where faces are likely.

Further answers to the same input start from random faces, mixed with a little of the first answer. As the twin's error
is known already, one pass of the generator is mostly enough.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from photopulse.generators.protocol import Generator
from photopulse.search.kit import SearchKit
from photopulse.search.names import Quality
from photopulse.search.problem import SearchProblem, SearchState
from photopulse.search.starts import check_seed
from photopulse.search.twin_search import Clock, Effort, Origin, TwinSearch

_KEPT: Final = 0.3  # Of the first answer, in the start of the others.
_SPREAD: Final = 0.8  # Of the random rest: wilder faces are rarely good ones.

EFFORTS: Final[Mapping[Quality, Effort]] = {
    "draft": Effort(first=30, later=15, true=8, rounds=1, more=0),
    "normal": Effort(first=40, later=20, true=12, rounds=3, more=3),
    "best": Effort(first=60, later=40, true=20, rounds=6, more=6),
}
"""Efforts for a search from the mean face."""
_GUESSED: Final[Mapping[Quality, Effort]] = {
    "draft": Effort(first=15, later=10, true=8, rounds=1, more=0),
    "normal": Effort(first=20, later=20, true=12, rounds=3, more=3),
    "best": Effort(first=40, later=30, true=20, rounds=6, more=6),
}
"""Efforts for a search from what an encoder tells, which is much nearer."""
_OTHERS: Final[Mapping[Quality, Effort]] = {
    "draft": Effort(first=20, later=15, true=8, rounds=1, more=0),
    "normal": Effort(first=30, later=15, true=12, rounds=1, more=2),
    "best": Effort(first=40, later=40, true=20, rounds=3, more=3),
}
"""Efforts for further answers to the same input."""


@dataclass(frozen=True, kw_only=True)
class FastSettings:
    """Settings of the fast search.

    Attributes:
        quality: name of the effort, see ``EFFORTS``.
        eps: mean squared error of the downscaled image at which an item has converged. A degradation that is declared
            as random, such as noise, raises it, since its effect must not be fitted.
        time_limit: seconds after which the best result so far is returned; None for no limit.
        show_every: number of evaluations after which the full image is rendered, for animations; 0 for never.
    """

    quality: Quality = "normal"
    eps: float = 1e-4
    time_limit: float | None = None
    show_every: int = 0

    def __post_init__(self) -> None:
        if self.quality not in EFFORTS:
            raise ValueError(f"unknown quality {self.quality!r}; choose one of {', '.join(EFFORTS)}")
        # Written so that NaN fails too.
        if not (self.eps >= 0 and (self.time_limit is None or self.time_limit > 0) and self.show_every >= 0):
            raise ValueError("a search needs an eps and pictures to show of at least 0, and a time limit above 0")

    @property
    def most_rounds(self) -> int:
        """Largest number of the generator's passes for an answer, without those of ``show_every``."""
        return EFFORTS[self.quality].most_rounds


@dataclass(kw_only=True, eq=False)
class FirstAnswer:
    """The answer of a search for the seed 0, from which further answers to the same face start; empty at first.

    Attributes:
        state: the last state of its search.
        origin: the point in which it ended.
    """

    state: SearchState | None = None
    origin: Origin | None = None


def fast_search(
    problem: SearchProblem, kit: SearchKit, settings: FastSettings, *, first: FirstAnswer | None = None
) -> Iterator[SearchState]:
    """Searches all items of the problem and yields after each pass of the generator; the caller may stop at any time.

    The items influence each other only in the last digits, which a processor computes otherwise in a larger batch. The
    seed 0 gives the answer nearest to the first guess, every other seed another variation. With a time limit, the
    answers depend on the speed of the machine.

    Args:
        problem: what is searched.
        kit: search kit of the problem's generator.
        settings: settings of the search.
        first: for a problem of a single target: its first answer, which is not searched again if it is known, and is
            kept there if not.
    """
    # The answer nearest to the first guess, once for each different target.
    clock = Clock(settings.time_limit)
    which, firsts = _distinct_targets(problem)
    known = first or FirstAnswer()
    if known.state is None:
        search = TwinSearch(
            firsts,
            kit,
            effort=(EFFORTS if kit.encoder is None else _GUESSED)[settings.quality],
            eps=settings.eps,
            show_every=settings.show_every,
            clock=clock,
        )
        found = None
        for found in search.run():
            yield _rows(found, which)
        known.state, known.origin = found, search.origin
    else:
        yield _rows(known.state, which)

    # Variations of it, for the other seeds.
    varied = [place for place, seed in enumerate(problem.seeds) if check_seed(seed)]
    if known.state is None or known.origin is None or not varied:
        return
    state = _rows(known.state, which)
    others = TwinSearch(
        _items(problem, varied),
        kit,
        effort=_OTHERS[settings.quality],
        eps=settings.eps,
        show_every=settings.show_every,
        clock=clock,
        origin=_variations(known.origin, which[varied], [problem.seeds[place] for place in varied], problem.generator),
    )
    for found in others.run():
        yield _with_rows(state, varied, found)


def _distinct_targets(problem: SearchProblem) -> tuple[Tensor, SearchProblem]:
    """Returns the index of each item's target among the distinct ones (B,), and these as a problem with seed 0."""
    places: list[int] = []
    which: list[int] = []
    for i, target in enumerate(problem.target):
        same = (place for place, first in enumerate(places) if torch.equal(problem.target[first], target))
        which.append(next(same, len(places)))
        if which[-1] == len(places):
            places.append(i)
    firsts = replace(_items(problem, places), seeds=(0,) * len(places))
    return torch.tensor(which), firsts


def _items(problem: SearchProblem, places: Sequence[int]) -> SearchProblem:
    return replace(problem, target=problem.target[list(places)], seeds=tuple(problem.seeds[place] for place in places))


def _variations(origin: Origin, which: Tensor, seeds: Sequence[int], generator: Generator) -> Origin:
    """Returns starting points for further answers: random faces, mixed with a little of the first answer."""
    which = which.to(origin.point.device)
    point = _KEPT * origin.point[which].view(len(which), -1, generator.w_dim)
    for styles, seed in zip(point, seeds, strict=True):
        random = torch.Generator().manual_seed(seed)
        styles[0] += _SPREAD * torch.randn(generator.w_dim, generator=random).to(styles)
    return Origin(point=point.flatten(1), scale=origin.scale[which], defect=origin.defect[which])


def _rows(state: SearchState, which: Tensor) -> SearchState:
    """Selects the items ``which`` of a state; items may repeat."""
    if torch.equal(which, torch.arange(len(state.image))):
        return state
    which = which.to(state.image.device)
    return _combined(state, state, lambda values, _: values[which])


def _with_rows(state: SearchState, places: Sequence[int], found: SearchState) -> SearchState:
    """Replaces the items ``places`` of a state by those of ``found``."""
    index = torch.tensor(places, device=state.image.device)
    both = _combined(found, state, lambda new, old: old.index_copy(0, index, new))
    best = replace(
        both.best,
        steps=state.best.steps + found.best.steps,
        full_evaluations=state.best.full_evaluations + found.best.full_evaluations,
    )
    return replace(both, step=state.step + found.step, best=best)


def _combined(late: SearchState, early: SearchState, choose: Callable[[Tensor, Tensor], Tensor]) -> SearchState:
    """Makes each tensor of those of two states; all else is the late one's."""
    return replace(
        late,
        current=late.current.with_items_of(early.current, choose),
        losses={name: choose(values, early.losses[name]) for name, values in late.losses.items()},
        best=late.best.with_items_of(early.best, choose),
    )
