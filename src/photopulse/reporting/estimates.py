"""A figure of a set of pictures, and how far it would move with other pictures of the same kind."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from photopulse.reporting.intervals import Statistic, bootstrap_interval, wilson_interval


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure of a set.

    Attributes:
        value: the statistic; None where nothing was measured.
        low: lower end of the 95 % interval; None where there is none (one picture, or infinite values).
        high: its upper end.
        count: how many pictures it is over.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0


def estimate(values: Iterable[float], statistic: Statistic) -> Estimate:
    """Estimates a statistic of one value a picture with its bootstrap interval; the order of values is the same."""
    # Sums of floats depend on their order, and no table may depend on that of the rows.
    known = sorted(values)
    if not known:
        return Estimate()
    value = float(statistic(known))
    if len(known) == 1 or not all(map(math.isfinite, known)):
        return Estimate(value=value, count=len(known))
    low, high = bootstrap_interval(known, statistic=statistic)
    return Estimate(value=value, low=low, high=high, count=len(known))


def share(hits: Sequence[bool]) -> Estimate:
    """Estimates how often something is so, with Wilson's interval."""
    if not hits:
        return Estimate()
    low, high = wilson_interval(sum(hits), len(hits))
    return Estimate(value=sum(hits) / len(hits), low=low, high=high, count=len(hits))
