"""The model of raters in ITU-T P.910 and P.913: each has a bias and an inconsistency, found by maximum likelihood."""

from dataclasses import dataclass

import numpy as np

from photopulse.reporting.arrays import Floats

_ROUNDING = 1 / np.sqrt(12)
"""Least inconsistency: that of rounding to whole numbers. Without it, one rater who agrees with the mean of all by
chance would be believed alone."""
_PRECISION = 1e-8
_MOST_ROUNDS = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class RaterModel:
    """What was found.

    Attributes:
        quality: of each picture (E,), on the scale of the ratings.
        error: standard error of each quality (E,).
        bias: of each rater (R,); their mean is 0.
        inconsistency: of each rater (R,): standard deviation of what is neither quality nor bias.
    """

    quality: Floats
    error: Floats
    bias: Floats
    inconsistency: Floats


def fit_rater_model(ratings: Floats) -> RaterModel:
    """Fits the model of Li et al. (2020), "A simple model for subject behavior in subjective experiments".

    A rating is the quality of the picture, plus the rater's bias, plus a normal error whose standard deviation is the
    rater's inconsistency. Their algorithm of alternating projections is used. It weighs raters instead of rejecting
    them: who answers at random counts for little.

    Args:
        ratings: (R, E), NaN where a rater did not see a picture; at least one for each rater and picture.
    """
    quality: Floats = np.nanmean(ratings, axis=0)
    bias: Floats = np.nanmean(ratings - quality, axis=1)
    for _ in range(_MOST_ROUNDS):
        inconsistency = _spread(ratings - quality - bias[:, None])
        weights = np.where(np.isnan(ratings), 0, 1 / inconsistency[:, None] ** 2)
        before, quality = quality, np.nansum(weights * (ratings - bias[:, None]), axis=0) / weights.sum(axis=0)
        bias = np.nanmean(ratings - quality, axis=1)
        if np.linalg.norm(quality - before) < _PRECISION:
            break
    inconsistency = _spread(ratings - quality - bias[:, None])
    weights = np.where(np.isnan(ratings), 0, 1 / inconsistency[:, None] ** 2)
    return RaterModel(
        quality=quality + bias.mean(),
        error=1 / np.sqrt(weights.sum(axis=0)),
        bias=bias - bias.mean(),
        inconsistency=inconsistency,
    )


def _spread(errors: Floats) -> Floats:
    return np.maximum(np.nanstd(errors, axis=1), _ROUNDING)
