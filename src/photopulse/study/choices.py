"""Scores of studies in which one of two pictures is chosen: the better one, or the photo."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.random import Generator

from photopulse.reporting.arrays import Floats
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.intervals import wilson_interval
from photopulse.study.crossed import crossed_resamples, crossed_sums, interval_of
from photopulse.study.scores import MethodScore, PairScore

_BOOTSTRAPS = 500
_PRIOR = 0.1
"""Regularisation, about a tenth of a win for all against all, so that strengths stay finite where one always wins."""
_MOST_ROUNDS = 100_000


def score_pairs(methods: Sequence[str], wins: Floats, random: Generator) -> tuple[list[MethodScore], list[PairScore]]:
    """Computes the strengths of methods in the model of Bradley and Terry (1952), and who is preferred to whom.

    The strongest comes first. The probability that one method is preferred to another is the logistic function of the
    difference of their strengths. The fit is choix's iterative Luce spectral ranking, which is the maximum likelihood.

    Args:
        methods: names of the methods.
        wins: (R, F, M, M), 1 where the first of two methods won, 0 where it lost, NaN where they were not compared.
        random: source of randomness of the intervals.
    """
    won = np.nansum(wins, axis=(0, 1))
    sums = crossed_sums(np.nan_to_num(wins), random=random, resamples=_BOOTSTRAPS)
    resamples = np.stack([strengths(one) for (some,) in sums for one in some])
    found = strengths(won)
    order: list[int] = np.argsort(-found).tolist()
    scores = [
        MethodScore(
            method=methods[place],
            score=interval_of(resamples[:, place], float(found[place]), int(won[place].sum() + won[:, place].sum())),
            model=None,
            answers=(int(won[:, place].sum()), int(won[place].sum())),
        )
        for place in order
    ]
    shares = crossed_resamples(wins, random)
    pairs = [
        PairScore(
            first=methods[one],
            second=methods[other],
            difference=_share(shares[:, one, other], int(won[one, other]), int(won[one, other] + won[other, one])),
        )
        for one, other in combinations(order, 2)
    ]
    return scores, pairs


def strengths(won: Floats) -> Floats:
    """Returns the strength of each method, with the mean 0; ``won`` (M, M) counts wins of the first over the second."""
    import choix

    found: Any = choix.ilsr_pairwise_dense(won, alpha=_PRIOR, max_iter=_MOST_ROUNDS)
    return found - found.mean()


def score_fooled(methods: Sequence[str], fooled: Floats, random: Generator) -> list[MethodScore]:
    """Computes fool rates, the highest first: the share of answers that take a result for the photo.

    Args:
        methods: names of the methods.
        fooled: (R, F, M), 1 where the result was taken for the photo, else 0, NaN where there is no answer.
        random: source of randomness of the intervals.
    """
    resamples = crossed_resamples(fooled, random)
    hits, counts = np.nansum(fooled, axis=(0, 1)), (~np.isnan(fooled)).sum(axis=(0, 1))
    order: list[int] = np.argsort(-hits / counts).tolist()
    return [
        MethodScore(
            method=methods[place],
            score=_share(resamples[:, place], int(hits[place]), int(counts[place])),
            model=None,
            answers=(int(counts[place] - hits[place]), int(hits[place])),
        )
        for place in order
    ]


def _share(resamples: Floats, hits: int, count: int) -> Estimate:
    """Returns a share with its interval: Wilson's where all answers are equal, because resamples then do not differ."""
    if count == 0:
        return Estimate()
    if 0 < hits < count:
        return interval_of(resamples, hits / count, count)
    low, high = wilson_interval(hits, count)
    return Estimate(value=hits / count, low=low, high=high, count=count)
