"""Statistics of a set of pictures with their confidence intervals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from photopulse.reporting.intervals import Statistic, bootstrap_interval, wilson_interval


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A statistic of a set of pictures.

    Attributes:
        value: the statistic; None if nothing was measured.
        low: lower end of the 95 % interval; None if there is no interval (one picture, or infinite values).
        high: upper end of the interval.
        count: number of pictures that were measured.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0


def estimate(values: Iterable[float], statistic: Statistic) -> Estimate:
    """Computes a statistic over one value per picture, with its bootstrap interval; the order does not matter."""
    # Sorted, because sums of floats depend on the order, and no table may depend on the order of its rows.
    known = sorted(values)
    if not known:
        return Estimate()
    value = float(statistic(known))
    if len(known) == 1 or not all(map(math.isfinite, known)):
        return Estimate(value=value, count=len(known))
    low, high = bootstrap_interval(known, statistic=statistic)
    return Estimate(value=value, low=low, high=high, count=len(known))


def share(hits: Sequence[bool]) -> Estimate:
    """Computes the share of true values, with Wilson's interval."""
    if not hits:
        return Estimate()
    low, high = wilson_interval(sum(hits), len(hits))
    return Estimate(value=sum(hits) / len(hits), low=low, high=high, count=len(hits))
