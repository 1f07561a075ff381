"""How well raters agree, with each other and with themselves."""

from typing import Literal

import numpy as np

from photopulse.reporting.arrays import Floats


def krippendorff_alpha(values: Floats, level: Literal["nominal", "ordinal"]) -> float | None:
    """Computes Krippendorff's alpha (2011, "Computing Krippendorff's alpha-reliability"): 1 is agreement, 0 is chance.

    Args:
        values: (R, U) of R raters for U units, NaN where a rater did not judge a unit.
        level: nominal, if values are names; ordinal, if they have an order.

    Returns:
        Alpha; None if no two raters judged the same unit, or all values are equal.
    """
    # How often each unit has each value; units that one rater judged tell nothing.
    domain = np.unique(values[~np.isnan(values)])
    counts = np.stack([(values == value).sum(axis=0) for value in domain], axis=1) if domain.size else np.zeros((0, 0))
    counts = counts[counts.sum(axis=1) > 1].astype(np.float64)  # (U, V)
    if not counts.size:
        return None
    # Coincidences of values within units, and how often each value occurs.
    within = counts / (counts.sum(axis=1, keepdims=True) - 1)
    coincidences = within.T @ counts - np.diag(within.sum(axis=0))
    occurs = coincidences.sum(axis=1)
    # Disagreement observed, and expected by chance.
    distances = _distances(occurs, level)
    expected = (np.outer(occurs, occurs) * distances).sum() / (occurs.sum() - 1)
    return float(1 - (coincidences * distances).sum() / expected) if expected else None


def _distances(occurs: Floats, level: Literal["nominal", "ordinal"]) -> Floats:
    """Returns the squared distance (V, V) between each two values."""
    if level == "nominal":
        return 1 - np.eye(len(occurs))
    # The number of occurrences between two values, with half of each end.
    middle = np.cumsum(occurs) - occurs / 2
    return (middle[:, None] - middle[None, :]) ** 2
