"""The solver, against closed forms, SciPy, and BFGS with whole matrices."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import optimize
from torch import Tensor

from photopulse.search.lbfgs import BatchedLBFGS

pytestmark = pytest.mark.usefixtures("one_thread")


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Quadratics:
    """``x A x / 2 - b x`` of each item, A symmetric with the given eigenvalues; keeps every evaluation."""

    def __init__(self, eigenvalues: Tensor, *, batch: int, seed: int = 0) -> None:
        size = len(eigenvalues)
        turns = torch.linalg.qr(draw(batch, size, size, seed=seed)).Q
        self.a = turns @ torch.diag(eigenvalues.double()) @ turns.mT
        self.b = draw(batch, size, seed=seed + 1)
        self.minimum = torch.linalg.solve(self.a, self.b)
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        product = torch.einsum("bij,bj->bi", self.a, x)
        value, gradient = (x * product).sum(1) / 2 - (x * self.b).sum(1), product - self.b
        self.seen.append((x, value, gradient))
        return value, gradient

    def of(self, item: int) -> "Quadratics":
        alone = Quadratics(torch.ones(self.b.shape[1]), batch=1)
        chosen = slice(item, item + 1)
        alone.a, alone.b, alone.minimum = self.a[chosen], self.b[chosen], self.minimum[chosen]
        return alone


def rosenbrock(x: Tensor) -> tuple[Tensor, Tensor]:
    values = [optimize.rosen(row) for row in x.numpy()]
    gradients = [optimize.rosen_der(row) for row in x.numpy()]
    return torch.tensor(np.array(values)), torch.tensor(np.array(gradients))


def run(solver: BatchedLBFGS, steps: int) -> BatchedLBFGS:
    for _ in range(steps):
        solver.step()
    return solver


def test_the_minimum_of_a_quadratic_is_found():
    problem = Quadratics(torch.logspace(-1, 2, 12), batch=3)
    solver = run(BatchedLBFGS(problem, torch.zeros(3, 12).double()), 60)
    assert_allclose(solver.x, problem.minimum, atol=1e-6)
    assert_allclose(solver.value, problem(problem.minimum)[0], rtol=1e-12)


def test_rosenbrock_is_descended_as_far_as_scipy_gets():
    starts = torch.tensor([[-1.2, 1.0], [2.0, 2.0], [0.0, -1.0]]).double()
    solver = run(BatchedLBFGS(rosenbrock, starts), 90)
    for start, x, value in zip(starts, solver.x, solver.value, strict=True):
        told = optimize.minimize(optimize.rosen, start.numpy(), jac=optimize.rosen_der, method="L-BFGS-B")
        assert_allclose(x, [1, 1], atol=1e-4)
        assert value <= told.fun + 1e-10


def test_a_direction_is_that_of_bfgs_with_the_whole_matrix():
    problem = Quadratics(torch.linspace(1, 30, 6), batch=1)
    solver = BatchedLBFGS(problem, draw(1, 6, seed=5), memory=4)
    matrix, b = problem.a[0].numpy(), problem.b[0].numpy()
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    compared, moved = 0, False
    for _ in range(15):
        x = solver.x[0].numpy()
        solver.step()
        tried = problem.seen[-1][0][0].numpy()
        if moved:
            assert_allclose(tried, x - whole_inverse(pairs) @ (matrix @ x - b), rtol=1e-8, atol=1e-10)
            compared += 1
        moved = bool((solver.x[0].numpy() == tried).all())
        if moved:
            pairs = [*pairs, (tried - x, matrix @ (tried - x))][-4:]
    assert compared > 6


def whole_inverse(pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The BFGS update of a multiple of the identity by each pair (Nocedal and Wright, equation 6.17)."""
    step, change = pairs[-1]
    inverse = step @ change / (change @ change) * np.eye(len(step))
    for step, change in pairs:
        left = np.eye(len(step)) - np.outer(step, change) / (step @ change)
        inverse = left @ inverse @ left.T + np.outer(step, step) / (step @ change)
    return inverse


def test_items_are_solved_as_if_alone_though_some_steps_are_refused():
    # More steps than are remembered, and starts so steep that each item has other steps refused.
    problem = Quadratics(torch.logspace(0, 3, 8), batch=4)
    starts = draw(4, 8, seed=9) * torch.tensor([[0.1], [1.0], [30.0], [1000.0]]).double()
    together = BatchedLBFGS(problem, starts, first_step=50.0, memory=5)
    alone = [BatchedLBFGS(problem.of(i), starts[i : i + 1], first_step=50.0, memory=5) for i in range(4)]
    refused = torch.zeros(4)
    for _ in range(25):
        before = together.x
        together.step()
        refused += (together.x == before).all(1)
        for i, solver in enumerate(alone):
            solver.step()
            assert_allclose(together.x[i], solver.x[0], rtol=1e-6, atol=1e-9)
            assert_allclose(together.scale[i], solver.scale[0], rtol=1e-6)
    assert len(set(refused.tolist())) > 1


def test_no_value_rises_and_a_refused_step_is_tried_again_shorter_in_the_same_direction():
    problem = Quadratics(torch.tensor([1.0, 100.0]), batch=1)
    solver = BatchedLBFGS(problem, draw(1, 2, seed=3), first_step=1000.0)
    values, refused = [solver.value.item()], 0
    while (solver.x - problem.minimum).norm() > 1e-5:
        before = solver.x
        solver.step()
        values.append(solver.value.item())
        tried = problem.seen[-1][0] - before
        if torch.equal(solver.x, before):
            refused += 1
            solver.step()
            values.append(solver.value.item())
            again = problem.seen[-1][0] - before
            share = (again.norm() / tried.norm()).item()
            assert 0.1 - 1e-9 <= share <= 0.5 + 1e-9
            assert_allclose(again, share * tried, rtol=1e-9)
    assert refused > 0
    assert all(later <= earlier for earlier, later in pairwise(values))
    assert len(values) < 40


def test_the_shorter_step_ends_where_the_parabola_through_the_refused_one_does():
    # On a parabola, that is the minimum along the line, unless it lies beyond the bounds of 0.1 and 0.5.
    problem = Quadratics(torch.tensor([2.0]), batch=1)
    start = problem.minimum + 1.0
    solver = run(BatchedLBFGS(problem, start, first_step=4.0), 2)
    assert_allclose(solver.x, problem.minimum, atol=1e-12)


def test_among_all_solutions_the_one_next_to_the_start_is_found():
    rows, target = draw(2, 5, 20, seed=4), draw(2, 5, seed=6)

    def objective(x: Tensor) -> tuple[Tensor, Tensor]:
        rest = torch.einsum("bij,bj->bi", rows, x) - target
        return rest.square().sum(1) / 2, torch.einsum("bij,bi->bj", rows, rest)

    solver = run(BatchedLBFGS(objective, torch.zeros(2, 20).double()), 60)
    for x, matrix, wanted in zip(solver.x, rows, target, strict=True):
        assert_allclose(x, np.linalg.pinv(matrix.numpy()) @ wanted.numpy(), atol=1e-7)


def test_values_that_are_not_numbers_are_steps_too_long():
    def objective(x: Tensor) -> tuple[Tensor, Tensor]:
        # Beyond 0 there is no value; the minimum is at 1.
        return (x - x.log()).sum(1), 1 - 1 / x

    solver = BatchedLBFGS(objective, torch.tensor([[3.0], [0.5]]).double(), first_step=50.0)
    assert_allclose(run(solver, 40).x, [[1.0], [1.0]], atol=1e-6)


def test_each_step_is_one_evaluation():
    problem = Quadratics(torch.ones(3), batch=2)
    solver = BatchedLBFGS(problem, torch.zeros(2, 3).double())
    for steps in range(1, 6):
        assert len(problem.seen) == steps
        solver.step()


def test_the_first_step_has_the_length_that_is_asked_for_or_the_scale_of_an_earlier_search():
    problem = Quadratics(torch.linspace(1, 9, 5), batch=2)
    first = BatchedLBFGS(problem, torch.zeros(2, 5).double(), first_step=0.25)
    first.step()
    assert_allclose(problem.seen[-1][0].norm(dim=1), [0.25, 0.25])
    run(first, 8)
    second = BatchedLBFGS(problem, first.x, scale=first.scale)
    gradient = problem(first.x)[1]
    second.step()
    assert_allclose(problem.seen[-1][0], first.x - first.scale * gradient)


def test_a_start_without_gradient_stays_and_hands_on_no_scale():
    problem = Quadratics(torch.ones(2), batch=2)
    start = problem.minimum + 1
    flat = torch.tensor([True, False])

    def objective(x: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = problem(x)
        return torch.where(flat, 7.0, value), torch.where(flat[:, None], 0.0, gradient)

    first = run(BatchedLBFGS(objective, start), 3)
    assert torch.equal(first.x[0], start[0])
    assert first.scale[0].item() == 0
    assert first.scale[1].item() > 0
    # The next search, of something that has a slope there, starts as if it were the first.
    other = Quadratics(torch.linspace(1, 4, 2), batch=2, seed=8)
    second = BatchedLBFGS(other, first.x, first_step=0.5, scale=first.scale)
    second.step()
    assert (other.seen[-1][0][0] - first.x[0]).norm().item() == pytest.approx(0.5)
    assert_allclose(run(second, 20).x, other.minimum, atol=1e-6)
