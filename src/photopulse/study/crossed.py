"""Intervals where raters and faces are both samples: of other raters and other faces than those of the study."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from photopulse.reporting.arrays import Floats
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.intervals import LEVEL, RESAMPLES

_AT_ONCE = 100  # Resamples.


def crossed_resamples(values: Floats, random: Generator, resamples: int = RESAMPLES) -> Floats:
    """Computes means over raters and faces, both drawn with replacement: the pigeonhole bootstrap (Owen, 2007).

    Answers of one rater are alike, and so are those on one picture. Intervals that take all answers for independent are
    therefore too narrow; those of this bootstrap are slightly too wide.

    Args:
        values: (R, F, ...), NaN where there is no answer.
        random: source of randomness.
        resamples: number of means.

    Returns:
        (resamples, ...); NaN where nothing was drawn.
    """
    known = ~np.isnan(values)
    sums = crossed_sums(np.where(known, values, 0), known.astype(np.float64), random=random, resamples=resamples)
    with np.errstate(invalid="ignore"):
        return np.concatenate([total / count for total, count in sums])


def crossed_sums(*arrays: Floats, random: Generator, resamples: int) -> Iterator[tuple[Floats, ...]]:
    """Yields sums of arrays (R, F, ...) over the same drawn raters and faces: (some, ...) of each, at a time."""
    raters, faces = arrays[0].shape[:2]
    for start in range(0, resamples, _AT_ONCE):
        some = min(_AT_ONCE, resamples - start)
        # How often each was drawn.
        drawn_raters = random.multinomial(raters, np.full(raters, 1 / raters), size=some).astype(np.float64)
        drawn_faces = random.multinomial(faces, np.full(faces, 1 / faces), size=some).astype(np.float64)
        yield tuple(np.einsum("bf,bf...->b...", drawn_faces, np.tensordot(drawn_raters, one, 1)) for one in arrays)


def interval_of(resamples: Floats, value: float, count: int) -> Estimate:
    """Returns an estimate with the percentile interval of its resamples (B,)."""
    low, high = np.nanquantile(resamples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=value, low=float(low), high=float(high), count=count)
