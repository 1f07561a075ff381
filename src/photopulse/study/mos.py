"""Scores of a study in which pictures are rated from 1 to 5."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from photopulse.reporting.arrays import Floats
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.intervals import LEVEL
from photopulse.study.crossed import crossed_resamples, interval_of
from photopulse.study.paper import PAPER
from photopulse.study.rank_tests import rank_tests
from photopulse.study.rater_model import RaterModel, fit_rater_model
from photopulse.study.scores import MethodScore, PairScore


def score_ratings(
    methods: Sequence[str], counted: Floats, model: Sequence[Estimate], random: Generator
) -> tuple[list[MethodScore], list[PairScore]]:
    """Computes mean opinion scores, the best first, and the differences of all pairs of methods.

    Args:
        methods: names of the methods.
        counted: ratings (R, F, M) of the raters that are counted, NaN where there is none.
        model: scores by the model of raters, see ``model_scores``.
        random: source of randomness of the intervals.
    """
    resamples = crossed_resamples(counted, random)  # (B, M)
    order: list[int] = np.argsort(-np.nanmean(counted, axis=(0, 1))).tolist()
    values = {methods[place]: counted[..., place][~np.isnan(counted[..., place])] for place in order}
    scores = [
        MethodScore(
            method=method,
            score=interval_of(resamples[:, place], float(ratings.mean()), len(ratings)),
            model=model[place],
            answers=tuple(int((ratings == grade).sum()) for grade in range(1, 6)),
            paper=PAPER.get(method),
        )
        for place, (method, ratings) in zip(order, values.items(), strict=True)
    ]
    tests = rank_tests(values)
    pairs = [
        PairScore(
            first=methods[one],
            second=methods[other],
            difference=interval_of(
                resamples[:, one] - resamples[:, other],
                float(values[methods[one]].mean() - values[methods[other]].mean()),
                min(len(values[methods[one]]), len(values[methods[other]])),
            ),
            test=tests[methods[one], methods[other]],
        )
        for one, other in combinations(order, 2)
    ]
    return scores, pairs


def model_scores(ratings: Floats, counted: NDArray[np.bool_]) -> tuple[RaterModel, list[Estimate]]:
    """Fits the model of raters, and scores the methods by it.

    A method's score is the mean quality of its pictures, as the mean of the counted raters sees it. Its interval is
    Student's over the faces, widened by what the mean bias of other raters would differ by.

    Args:
        ratings: (R, F, M) of all raters, also careless ones.
        counted: which of them (R,) are counted.
    """
    import scipy.stats

    _, faces, methods = ratings.shape
    flat = ratings.reshape(len(ratings), -1)
    rated = ~np.isnan(flat).all(axis=0)
    model = fit_rater_model(flat[:, rated])
    biases = model.bias[counted]
    quality = np.full(faces * methods, np.nan)
    quality[rated] = model.quality + biases.mean()
    scores: list[Estimate] = []
    for known in (column[~np.isnan(column)] for column in quality.reshape(faces, methods).T):
        value, count = float(known.mean()), len(known)
        if count < 2:
            scores.append(Estimate(value=value, count=count))
            continue
        error = np.sqrt(known.var(ddof=1) / count + biases.var(ddof=1) / len(biases))
        half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, min(count, len(biases)) - 1) * error)
        scores.append(Estimate(value=value, low=value - half, high=value + half, count=count))
    return model, scores
