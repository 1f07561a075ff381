import numpy as np
import pytest

from photopulse.reporting.intervals import bootstrap_interval, wilson_interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe_1998_table_i(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_follows_its_formula_at_another_level():
    z, share, n = 1.6448536269514722, 0.7, 10  # the 95 % point of the normal distribution
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert wilson_interval(7, n, 0.9) == pytest.approx((middle - half, middle + half))


def test_no_trials_say_nothing():
    assert wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(ValueError, match="successes must be between 0 and 3"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ValueError, match="level"):
        wilson_interval(1, 3, level)
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval([1, 2], level=level)


def test_the_bootstrap_of_two_values_ends_at_them():
    # The means of 0 and 1 drawn twice are 0, 1/2 and 1 with shares of 1/4, 1/2 and 1/4.
    assert bootstrap_interval([1, 0]) == (0, 1)
    assert bootstrap_interval([1, 0], level=0.4) == (0.5, 0.5)


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval_of_a_large_sample():
    values = np.random.default_rng(3).normal(10, 2, size=400)
    half = 1.959964 * values.std() / 20
    low, high = bootstrap_interval(values, resamples=4000)
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_the_bootstrap_of_a_median_is_near_the_order_statistics_of_the_sign_test():
    values = np.sort(np.random.default_rng(4).exponential(size=101))
    low, high = bootstrap_interval(values, statistic=np.median)
    # Binomial(101, 1/2) puts 95 % between the 41st and the 61st value.
    assert values[38] <= low <= values[42]
    assert values[58] <= high <= values[62]


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    random = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        low, high = bootstrap_interval(random.normal(size=40), resamples=300)
        inside += low <= 0 <= high
    assert 0.88 <= inside / 200 <= 0.99


def test_equal_values_in_any_order_have_equal_intervals():
    values = np.random.default_rng(6).normal(size=30)
    assert bootstrap_interval(values) == bootstrap_interval(values[::-1])


def test_another_generator_draws_other_resamples():
    values = np.random.default_rng(6).normal(size=30)
    assert bootstrap_interval(values, random=np.random.default_rng(1)) != bootstrap_interval(values)


def test_one_value_says_nothing_of_others():
    assert bootstrap_interval([3.0]) == (-np.inf, np.inf)


@pytest.mark.parametrize("values", [[], [1, np.nan], [[1, 2]], [1, np.inf]])
def test_what_is_no_row_of_finite_numbers_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        bootstrap_interval(values)
