import pytest
import torch
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.prior import GaussianPrior
from photopulse.search.problem import SearchProblem, SearchResult, better_of

PRIOR = GaussianPrior(mean=torch.zeros(16), std=torch.ones(16))


def result(*, loss: list[float], converged: list[bool], mark: float, steps: int) -> SearchResult:
    """A result of which every value is ``mark``."""
    size = len(loss)
    return SearchResult(
        image=torch.full((size, 3, 8, 8), mark),
        ws=torch.full((size, 4, 2), mark),
        noise=(torch.full((size, 1, 4, 4), mark),),
        downscale_mse=torch.full((size,), mark),
        loss=torch.tensor(loss),
        converged=torch.tensor(converged),
        steps=steps,
        full_evaluations=10 * steps,
    )


def marks(values: Tensor) -> list[float]:
    """The one value of each item, which must be the same all over it."""
    rows = values.flatten(1) if values.ndim > 1 else values[:, None]
    assert rows.eq(rows[:, :1]).all()
    return rows[:, 0].tolist()


@pytest.mark.parametrize(
    ("old", "new", "winner"),
    [
        ((1.0, False), (0.5, False), "new"),
        ((0.5, False), (1.0, False), "old"),
        ((0.5, False), (1.0, True), "new"),
        ((1.0, True), (0.5, False), "old"),
        ((1.0, True), (0.5, True), "new"),
        ((0.5, True), (0.5, True), "old"),
        ((0.5, False), (float("nan"), False), "old"),
    ],
)
def test_what_converged_wins_and_then_the_lower_loss(old: tuple[float, bool], new: tuple[float, bool], winner: str):
    better = better_of(
        result(loss=[old[0]], converged=[old[1]], mark=1.0, steps=4),
        result(loss=[new[0]], converged=[new[1]], mark=2.0, steps=5),
    )
    expected = 2.0 if winner == "new" else 1.0
    for values in (better.image, better.ws, better.noise[0], better.downscale_mse):
        assert marks(values) == [expected]
    assert better.loss.tolist() == [(new if winner == "new" else old)[0]]
    assert better.converged.tolist() == [(new if winner == "new" else old)[1]]
    assert (better.steps, better.full_evaluations) == (5, 50)


def test_each_item_keeps_its_own_best():
    better = better_of(
        result(loss=[1.0, 1.0, 1.0], converged=[False, True, False], mark=1.0, steps=7),
        result(loss=[2.0, 0.5, 0.1], converged=[True, False, False], mark=2.0, steps=8),
    )
    for values in (better.image, better.ws, better.noise[0], better.downscale_mse):
        assert marks(values) == [2.0, 1.0, 2.0]
    assert better.loss.tolist() == pytest.approx([2.0, 1.0, 0.1])
    assert better.converged.tolist() == [True, True, False]
    assert (better.steps, better.full_evaluations) == (8, 80)


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 1, 8, 8), (2, 3, 16, 16), (2, 3, 8), (0, 3, 8, 8)])
def test_a_target_of_another_shape_than_the_problem_needs_is_refused(
    tiny_generator: MobileStyleGAN, shape: tuple[int, ...]
):
    with pytest.raises(ValueError, match=r"must be \(2, 3, 8, 8\)"):
        SearchProblem(
            target=torch.zeros(shape), degradation=Bicubic(4), generator=tiny_generator, prior=PRIOR, seeds=(0, 1)
        )


def test_a_fitting_target_is_taken(tiny_generator: MobileStyleGAN):
    target = torch.zeros(2, 3, 8, 8)
    problem = SearchProblem(target=target, degradation=Bicubic(4), generator=tiny_generator, prior=PRIOR, seeds=(0, 1))
    assert problem.target is target
