"""The fast search: a generator's cheap twins find the face, a few full passes keep them honest.

The loss of PULSE sees the picture only as small as the input, so nearly all of a full pass is computed in vain. Here
L-BFGS searches a twin that renders only the small picture; then one full pass tells by how much the twin is wrong
there, the target is moved by that much, and the twin is searched again from the same place (defect correction, "space
mapping": Bandler et al. 1994). All layers share one style but for small offsets, and the search starts at the mean
face, so it stays where faces are likely.

Other answers to the same input start from random faces mixed with a little of the first answer, with the twin's error
already known: one pass each is mostly enough.
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
_OTHERS: Final[Mapping[Quality, Effort]] = {
    "draft": Effort(first=20, later=15, true=8, rounds=1, more=0),
    "normal": Effort(first=30, later=15, true=12, rounds=1, more=2),
    "best": Effort(first=40, later=40, true=20, rounds=3, more=3),
}
"""Of further answers."""


@dataclass(frozen=True, kw_only=True)
class FastSettings:
    """How the fast search goes about.

    Attributes:
        quality: how long it tries, see ``EFFORTS``.
        eps: mean squared error of the downscaled image at which an item is close enough. Damage that was declared as
            random raises it: what noise did is not to be fitted.
        time_limit: seconds after which no more is tried; the best so far is the answer. None for no limit.
        show_every: also render the full picture after that many evaluations, for animations. 0 for never.
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
        """How many full passes an answer takes at most, those to show not counted."""
        return EFFORTS[self.quality].most_rounds


def fast_search(problem: SearchProblem, kit: SearchKit, settings: FastSettings) -> Iterator[SearchState]:
    """Searches all items of the problem and yields after each full pass; the caller may stop at any time.

    The items do not influence each other but for the time they take. The seed 0 gives the answer nearest to the mean
    face, every other seed a variation of its own. With a time limit, the answers depend on the machine.
    """
    clock = Clock(settings.time_limit)
    which, firsts = _distinct_targets(problem)
    first = TwinSearch(
        firsts,
        kit,
        effort=EFFORTS[settings.quality],
        eps=settings.eps,
        show_every=settings.show_every,
        clock=clock,
    )
    state = None
    for found in first.run():
        state = _rows(found, which)
        yield state
    varied = [place for place, seed in enumerate(problem.seeds) if check_seed(seed)]
    if state is None or not varied:
        return
    others = TwinSearch(
        _items(problem, varied),
        kit,
        effort=_OTHERS[settings.quality],
        eps=settings.eps,
        show_every=settings.show_every,
        clock=clock,
        origin=_variations(first.origin, which[varied], [problem.seeds[place] for place in varied], problem.generator),
    )
    for found in others.run():
        yield _with_rows(state, varied, found)


def _distinct_targets(problem: SearchProblem) -> tuple[Tensor, SearchProblem]:
    """Returns for each item the place of its target among the distinct ones, and these as a problem of seed 0."""
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
    """Starts for other answers: random faces with a little of the first answer."""
    which = which.to(origin.point.device)
    point = _KEPT * origin.point[which].view(len(which), -1, generator.w_dim)
    for styles, seed in zip(point, seeds, strict=True):
        random = torch.Generator().manual_seed(seed)
        styles[0] += _SPREAD * torch.randn(generator.w_dim, generator=random).to(styles)
    return Origin(point=point.flatten(1), scale=origin.scale[which], defect=origin.defect[which])


def _rows(state: SearchState, which: Tensor) -> SearchState:
    """Repeats a state's items."""
    if torch.equal(which, torch.arange(len(state.image))):
        return state
    which = which.to(state.image.device)
    return _combined(state, state, lambda values, _: values[which])


def _with_rows(state: SearchState, places: Sequence[int], found: SearchState) -> SearchState:
    """Puts what was found last in the place of some items of a state."""
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
