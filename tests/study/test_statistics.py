"""Agreement, rank tests, intervals and strengths against independent answers."""

import numpy as np
import pytest
import scipy.stats

from photopulse.study.agreement import krippendorff_alpha
from photopulse.study.choices import score_fooled, score_pairs, strengths
from photopulse.study.crossed import crossed_resamples
from photopulse.study.rank_tests import holm, rank_tests

NAN = np.nan
# The example in Krippendorff's text of 2011 (four observers, twelve units): alpha is 0.743 nominal, 0.815 ordinal.
UNITS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def test_alpha_is_that_of_krippendorffs_example():
    assert krippendorff_alpha(UNITS, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(UNITS, "ordinal") == pytest.approx(0.815, abs=5e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_alpha_agrees_with_another_implementation(level):
    oracle = pytest.importorskip("krippendorff", reason="krippendorff is not installed")
    random = np.random.default_rng(0)
    for _ in range(20):
        values = random.integers(1, 6, (7, 30)).astype(float)
        values[random.random(values.shape) < 0.4] = NAN
        told = oracle.alpha(reliability_data=values, level_of_measurement=level)
        assert krippendorff_alpha(values, level) == pytest.approx(told)


def test_alpha_is_unknown_where_nothing_can_be_compared():
    assert krippendorff_alpha(np.full((3, 4), NAN), "nominal") is None
    assert krippendorff_alpha(np.array([[1, NAN], [NAN, 2]]), "nominal") is None
    assert krippendorff_alpha(np.full((3, 4), 2.0), "ordinal") is None


def test_holms_correction_is_that_of_a_worked_example():
    # 0.01 * 4, then 0.02 * 3, then 0.03 * 2 (raised to 0.06), then 0.04 * 1 (raised to 0.06).
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_rank_tests_count_by_hand_who_is_higher():
    tests = rank_tests({"a": np.array([5, 4, 4]), "b": np.array([4, 2, 1, 1])})
    (test,) = tests.values()
    # Of twelve pairs, ten are higher and two are equal.
    assert (test.u, test.superiority) == (11, 11 / 12)
    assert test.p == test.p_holm == pytest.approx(scipy.stats.mannwhitneyu([5, 4, 4], [4, 2, 1, 1]).pvalue)


def test_crossed_intervals_hold_where_those_of_independent_answers_do_not():
    random = np.random.default_rng(0)
    crossed = plain = 0
    for _ in range(200):
        ratings = random.normal(0, 0.5, (20, 1)) + random.normal(0, 0.5, (1, 20)) + random.normal(0, 0.7, (20, 20))
        low, high = np.quantile(crossed_resamples(ratings, random, 300), [0.025, 0.975])
        crossed += low < 0 < high
        plain += abs(ratings.mean()) < 1.96 * ratings.std() / 20
    assert crossed > 0.9 * 200
    assert plain < 0.6 * 200


def test_resamples_leave_out_what_is_missing():
    values = np.full((6, 5, 2), NAN)
    values[:, 0], values[:3, 1:] = 2.0, 2.0
    resamples = crossed_resamples(values, np.random.default_rng(0), 50)
    assert resamples.shape == (50, 2)
    np.testing.assert_allclose(resamples[~np.isnan(resamples)], 2.0)


def test_strengths_are_those_of_a_worked_example():
    # With two methods, the strength is half of the log-odds.
    assert strengths(np.array([[0, 75], [25, 0]])) == pytest.approx(np.array([1, -1]) * np.log(75 / 25) / 2, abs=0.01)


def comparisons(true, raters=30, faces=20, seed=0):
    """Wins (R, F, M, M) of methods with these strengths."""
    random = np.random.default_rng(seed)
    won = random.random((raters, faces, len(true), len(true))) < 1 / (1 + np.exp(np.subtract.outer(-true, -true)))
    wins = won.astype(float)
    upper = np.triu_indices(len(true), 1)
    wins[..., upper[1], upper[0]] = 1 - wins[..., upper[0], upper[1]]
    wins[..., np.arange(len(true)), np.arange(len(true))] = NAN
    return wins


def test_the_strengths_of_simulated_raters_are_recovered():
    true = np.array([1.2, 0.3, -0.2, -1.3])
    scores, pairs = score_pairs(list("abcd"), comparisons(true), np.random.default_rng(0))
    assert [score.method for score in scores] == list("abcd")
    for score, strength in zip(scores, true, strict=True):
        assert score.score.low < strength < score.score.high
        assert score.score.value == pytest.approx(strength, abs=0.2)
        assert sum(score.answers) == score.score.count == 3 * 600
    assert pairs[0].difference.value == pytest.approx(1 / (1 + np.exp(-0.9)), abs=0.07)


def test_a_method_that_always_wins_has_a_finite_strength():
    wins = np.full((5, 4, 2, 2), NAN)
    wins[..., 0, 1], wins[..., 1, 0] = 1, 0
    scores, pairs = score_pairs(["a", "b"], wins, np.random.default_rng(0))
    assert np.isfinite(scores[0].score.value)
    assert (pairs[0].difference.value, pairs[0].difference.high) == (1, 1)
    assert 0.8 < pairs[0].difference.low < 1


def test_fool_rates_of_nobody_fooled_have_wilsons_interval():
    (score,) = score_fooled(["a"], np.zeros((10, 10, 1)), np.random.default_rng(0))
    assert score.score.value == 0
    assert score.score.high == pytest.approx(0.037, abs=1e-3)
    assert score.answers == (100, 0)
