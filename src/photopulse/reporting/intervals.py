"""Confidence intervals: the bootstrap for statistics of a sample, Wilson's interval for shares."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
_BATCH_VALUES = 2_000_000  # Values that are resampled at a time, so that large samples fit in memory.

Statistic = Callable[..., Any]


def bootstrap_interval(
    values: Sequence[float] | NDArray[np.floating[Any]],
    *,
    statistic: Statistic = np.mean,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    random: np.random.Generator | None = None,
) -> tuple[float, float]:
    """Computes the percentile bootstrap interval (low, high) of a statistic of one sample (Efron, 1979).

    Args:
        values: the sample (N,), finite; its order does not matter.
        statistic: takes an array and ``axis=``, as ``np.mean`` and ``np.median`` do.
        level: confidence level, between 0 and 1.
        resamples: number of samples of N that are drawn with replacement.
        random: source of randomness; if None, a generator with seed 0, so that equal values have equal intervals.

    Returns:
        (low, high); (-inf, inf) for a sample of one.

    Raises:
        ValueError: for an empty sample, values that are not finite, or a level outside (0, 1).
    """
    import scipy.stats

    # Sorted, so that the interval does not depend on the order of the values.
    sample = np.sort(np.asarray(values, dtype=np.float64))
    if sample.ndim != 1 or not sample.size or not np.isfinite(sample).all():
        raise ValueError(f"values must be a row of finite numbers, got the shape {sample.shape}")
    _check_level(level)
    if sample.size == 1:
        return -np.inf, np.inf
    # Draw the resamples, some at a time.
    drawn: Any = scipy.stats.bootstrap(
        (sample,),
        statistic,
        n_resamples=resamples,
        batch=max(1, _BATCH_VALUES // sample.size),
        confidence_level=level,
        method="percentile",
        rng=random or np.random.default_rng(0),
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


def wilson_interval(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Computes Wilson's score interval (low, high) of a share, within [0, 1] (Wilson, 1927).

    Unlike the normal interval, it is valid for few trials and for shares of 0 and 1. Without trials it is (0, 1).

    Raises:
        ValueError: unless 0 <= successes <= n and 0 < level < 1.
    """
    import scipy.stats

    if not 0 <= successes <= n:
        raise ValueError(f"successes must be between 0 and {n}, got {successes}")
    _check_level(level)
    if n == 0:
        return 0.0, 1.0
    interval: Any = scipy.stats.binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
    return float(interval.low), float(interval.high)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
