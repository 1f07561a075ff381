"""Finds raters who did not look, before their answers are counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photopulse.reporting.arrays import Floats
from photopulse.study.answers import RaterAnswers
from photopulse.study.plan import Study

LEAST_ANSWERS = 10
"""Raters with fewer answers are not counted, because they cannot be judged."""
LEAST_GOLD = 0.7
"""Least share of gold questions that must be answered right; one wrong answer is forgiven."""
LEAST_SECONDS = 0.5
"""Least median of the seconds that answers took."""
MOST_EQUAL = 0.95
"""Greatest share of ratings of a mos study that may be equal."""
CHANCE = 0.05
"""Level of the tests of whether a rater answers at random, or always chooses the same side."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What is known of a rater.

    Attributes:
        rater: id of the rater.
        answers: number of answers, without training and gold.
        gold: share of gold questions that were answered right; None if there was none.
        seconds: median of the seconds that answers took; None without answers.
        equal: share of answers that are the most frequent one of the rater; None without answers.
        correlation: Pearson's correlation of a mos study's ratings with the mean of the others; None if it is unknown.
        reason: why the rater's answers are not counted; None if they are.
    """

    rater: str
    answers: int
    gold: float | None
    seconds: float | None
    equal: float | None
    correlation: float | None
    reason: str | None


def check_raters(study: Study, raters: Sequence[RaterAnswers], values: Floats) -> list[Check]:
    """Checks each rater.

    Not counted is who gave too few answers, failed gold questions, was too fast, gave (almost) always the same answer
    or chose the same side, or rated pictures as if at random: without a correlation with the others' mean that is
    significantly positive. Fixed thresholds of that correlation, as in ITU-T P.913, would depend on how different the
    methods are. In comparisons nobody is left out for disagreeing, because equal methods are chosen at random.

    Args:
        study: the plan.
        raters: the raters.
        values: their answers, see ``Ratings``.
    """
    others = _others(values.reshape(len(raters), -1)) if study.kind == "mos" and len(raters) > 1 else None
    checks: list[Check] = []
    for number, rater in enumerate(raters):
        gold = _gold(study, rater)
        right = sum(gold) / len(gold) if gold else None
        own = [answer for answer in rater.answers if answer.role in ("rating", "repeat")]
        known: dict[str, float | None] = {"seconds": None, "equal": None, "correlation": None}
        reason = f"gave {len(own)} answers, fewer than {LEAST_ANSWERS}" if len(own) < LEAST_ANSWERS else None
        if own:
            most = Counter(answer.answer for answer in own).most_common(1)[0][1]
            known["seconds"] = float(np.median([answer.seen.seconds for answer in own]))
            known["equal"] = most / len(own)
        if others is not None and own:
            known["correlation"], p = _correlation(values[number].ravel(), others[number])
            if p > CHANCE:
                reason = reason or "rates as if at random: no correlation with the others"
        checks.append(
            Check(
                rater=rater.rater,
                answers=len(own),
                gold=right,
                **known,
                reason=_careless(study, gold, known["seconds"], known["equal"], len(own)) or reason,
            )
        )
    return checks


def _gold(study: Study, rater: RaterAnswers) -> list[bool]:
    """Returns of each gold question that a rater answered whether the answer is right."""
    trials = study.seats[rater.seat]
    return [answer.answer in trials[answer.trial].right for answer in rater.answers if answer.role == "gold"]


def _careless(study: Study, gold: list[bool], seconds: float | None, equal: float | None, answers: int) -> str | None:
    """Returns why a rater did not look; None if nothing tells so."""
    import scipy.stats

    if gold.count(False) > 1 and sum(gold) < LEAST_GOLD * len(gold):
        return f"answered {sum(gold)} of {len(gold)} gold questions right"
    if seconds is not None and seconds < LEAST_SECONDS:
        return f"took {seconds:.2f} s"
    if equal is None or answers < LEAST_ANSWERS:
        return None
    if study.kind == "mos":
        return f"gave the same rating to {equal:.0%}" if equal > MOST_EQUAL else None
    # Sides are random, so that each is right in half of the trials.
    chance: Any = scipy.stats.binomtest(round(equal * answers), answers).pvalue
    return f"chose the same side in {equal:.0%}" if chance < CHANCE / 50 else None


def _others(values: Floats) -> Floats:
    """Returns for each rater the mean (R, E) of the others' ratings (R, E); NaN where nobody else rated."""
    known = ~np.isnan(values)
    sums, counts = np.nansum(values, axis=0) - np.where(known, values, 0), known.sum(axis=0) - known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / counts, np.nan)


def _correlation(own: Floats, others: Floats) -> tuple[float | None, float]:
    """Returns the correlation and the p-value of whether it is above 0; None and 1 where it is undefined."""
    import scipy.stats

    both = ~np.isnan(own) & ~np.isnan(others)
    if both.sum() < 3 or np.ptp(own[both]) == 0 or np.ptp(others[both]) == 0:
        return None, 1.0
    found: Any = scipy.stats.pearsonr(own[both], others[both], alternative="greater")
    return float(found.statistic), float(found.pvalue)
