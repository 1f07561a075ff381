"""Tests of differences between methods, as PULSE's authors made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class RankTest:
    """A Mann-Whitney U test of two methods.

    Attributes:
        u: U of the first method.
        p: two-sided p-value, as if all answers were independent.
        p_holm: the same, corrected for the number of pairs.
        superiority: share of pairs of answers in which the first method's is higher; equal ones count as half.
    """

    u: float
    p: float
    p_holm: float
    superiority: float


def rank_tests(values: Mapping[str, NDArray[Any]]) -> dict[tuple[str, str], RankTest]:
    """Tests all pairs of methods by the Mann-Whitney U test with Holm's correction.

    Args:
        values: the ratings (N,) of each method, at least one.
    """
    import scipy.stats

    pairs = list(combinations(values, 2))
    tested: list[Any] = [scipy.stats.mannwhitneyu(values[first], values[second]) for first, second in pairs]
    corrected = holm([float(one.pvalue) for one in tested])
    return {
        (first, second): RankTest(
            u=float(one.statistic),
            p=float(one.pvalue),
            p_holm=p_holm,
            superiority=float(one.statistic) / (len(values[first]) * len(values[second])),
        )
        for (first, second), one, p_holm in zip(pairs, tested, corrected, strict=True)
    }


def holm(ps: Sequence[float]) -> list[float]:
    """Corrects p-values for their number (Holm, 1979): each is compared with its rank's share of the level."""
    corrected, most = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        most = max(most, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = most
    return corrected
