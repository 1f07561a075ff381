import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from photopulse.metrics import kid
from photopulse.metrics.kid import kernel_distance


def draw(count: int, seed: int, width: int = 6) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def slow_distance(a: Tensor, b: Tensor) -> float:
    def kernel(x: Tensor, y: Tensor) -> float:
        return (sum(p * q for p, q in zip(x.tolist(), y.tolist(), strict=True)) / len(x) + 1) ** 3

    def within(x: Tensor) -> float:
        return float(np.mean([kernel(p, q) for p, q in itertools.permutations(x, 2)]))

    return within(a) + within(b) - 2 * float(np.mean([kernel(p, q) for p, q in itertools.product(a, b)]))


def test_the_estimate_equals_a_slow_double_loop():
    a, b = draw(7, seed=0), draw(5, seed=1) + 0.5
    assert kernel_distance(a, b).value == pytest.approx(slow_distance(a, b), rel=1e-9)


def test_paired_sets_leave_out_the_likeness_of_each_pair():
    a, b = draw(7, seed=0), draw(7, seed=1) + 0.5
    width = a.shape[1]
    cross = [((a[i] @ b[j] / width + 1) ** 3).item() for i, j in itertools.permutations(range(7), 2)]
    within = slow_distance(a, b) + 2 * np.mean([((p @ q / width + 1) ** 3).item() for p, q in itertools.product(a, b)])
    assert kernel_distance(a, b, paired=True).value == pytest.approx(within - 2 * np.mean(cross), rel=1e-5)


def test_a_set_beside_itself_is_at_no_paired_distance():
    a = draw(9, seed=0)
    distance = kernel_distance(a, a, paired=True)
    assert (distance.value, distance.standard_error) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))


def test_paired_sets_are_equally_large():
    with pytest.raises(ValueError, match="equally many"):
        kernel_distance(draw(7, seed=0), draw(5, seed=1), paired=True)


def test_the_estimate_does_not_depend_on_how_many_rows_are_computed_at_once(monkeypatch):
    a, b = draw(7, seed=0), draw(5, seed=1)
    whole = kernel_distance(a, b)
    monkeypatch.setattr(kid, "_ROWS", 2)
    assert kernel_distance(a, b).value == pytest.approx(whole.value, rel=1e-12)


def test_the_standard_error_equals_a_jackknife_that_leaves_each_picture_out():
    a, b = draw(7, seed=0), draw(5, seed=1) + 0.5
    variance = 0.0
    for n, leave_out in (
        (7, lambda i: slow_distance(torch.cat([a[:i], a[i + 1 :]]), b)),
        (5, lambda i: slow_distance(a, torch.cat([b[:i], b[i + 1 :]]))),
    ):
        values = np.array([leave_out(i) for i in range(n)])
        variance += (n - 1) / n * np.square(values - values.mean()).sum()
    assert kernel_distance(a, b).standard_error == pytest.approx(variance**0.5, rel=1e-9)


def test_two_sets_of_one_distribution_have_an_expectation_of_zero():
    values = np.array([kernel_distance(draw(12, 2 * i), draw(9, 2 * i + 1)).value for i in range(400)])
    assert abs(values.mean()) < 3 * values.std() / 20
    assert (values < 0).mean() > 0.3


def test_the_expectation_is_the_true_distance_and_the_standard_error_the_true_spread():
    # E k(x, y) with independent x ~ N(s, 1), y ~ N(t, 1) in one dimension: E (xy + 1)^3 by the moments.
    def expectation(s: float, t: float) -> float:
        second = (s**2 + 1) * (t**2 + 1)
        third = (s**3 + 3 * s) * (t**3 + 3 * t)
        return third + 3 * second + 3 * s * t + 1

    truth = expectation(0, 0) + expectation(1, 1) - 2 * expectation(0, 1)
    found = [kernel_distance(draw(60, 2 * i, width=1), draw(60, 2 * i + 1, width=1) + 1) for i in range(300)]
    values = np.array([one.value for one in found])
    assert abs(values.mean() - truth) < 3 * values.std() / 300**0.5
    assert np.mean([one.standard_error for one in found]) == pytest.approx(values.std(), rel=0.25)


def test_two_pictures_are_too_few_for_a_standard_error():
    with pytest.raises(ValueError, match="at least 3"):
        kernel_distance(draw(2, 0), draw(9, 1))
