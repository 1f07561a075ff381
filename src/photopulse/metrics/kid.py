"""The kernel distance between two sets of pictures, by the unbiased estimator of KID (Binkowski et al. 2018)."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from photopulse.metrics.feature_sets import check_feature_sets

# Rows of the kernel matrix that are in memory at a time.
_ROWS: Final = 1024


@dataclass(frozen=True, kw_only=True)
class KernelDistance:
    """An estimate of a squared maximum mean discrepancy (MMD).

    Attributes:
        value: the estimate; unbiased, so it may be negative where the true value is near 0.
        standard_error: its standard error, by the jackknife.
    """

    value: float
    standard_error: float


def kernel_distance(features_a: Tensor, features_b: Tensor, *, paired: bool = False) -> KernelDistance:
    """Estimates the squared MMD of two feature sets with the kernel ``(x.y / D + 1)^3``, from all pairs.

    Unlike the Frechet distance, it is unbiased for small sets too (arXiv 1801.01401, section 4). On
    ``EfficientNetLite0.pooled`` call it "KD on EfficientNet-Lite0 features": KID means Inception's features. The
    standard error is that of the jackknife over pictures, in closed form. Memory is proportional to N + M.

    Args:
        features_a: (N, D), N >= 3.
        features_b: (M, D), M >= 3.
        paired: whether picture i of one set shows the same subject as picture i of the other (N = M). The similarity
            within such pairs would make the distance between the sets too small, so their terms are left out, and the
            jackknife leaves out whole pairs.

    Raises:
        ValueError: if the shapes do not fit or a value is not finite.
    """
    # Sums of the kernel within each set, without the diagonal, and across the sets, for each picture.
    a, b = check_feature_sets(features_a, features_b, least=3)
    if paired:
        return _paired_distance(a, b)
    own_a, own_b = _row_sums(a, a) - _diagonal(a), _row_sums(b, b) - _diagonal(b)
    across_a, across_b = _row_sums(a, b), _row_sums(b, a)
    # The estimate.
    n, m = len(a), len(b)
    within_a, within_b = own_a.sum() / (n * (n - 1)), own_b.sum() / (m * (m - 1))
    value = within_a + within_b - 2 * across_a.sum() / (n * m)
    # The estimates without each picture in turn, for the standard error.
    without_a = _without_one(own_a, across_a, others=m) + within_b
    without_b = _without_one(own_b, across_b, others=n) + within_a
    variance = _jackknife_variance(without_a) + _jackknife_variance(without_b)
    return KernelDistance(value=float(value), standard_error=math.sqrt(variance))


def _paired_distance(a: Tensor, b: Tensor) -> KernelDistance:
    """Computes the U-statistic of Gretton et al. 2012 (equation 4), which leaves out the cross terms of pairs."""
    if len(a) != len(b):
        raise ValueError(f"paired sets have equally many pictures, but these have {len(a)} and {len(b)}")
    n = len(a)
    same = _kernel((a * b).sum(dim=1), a.shape[1])
    terms = _row_sums(a, a) - _diagonal(a) + _row_sums(b, b) - _diagonal(b)
    terms = terms - (_row_sums(a, b) - same) - (_row_sums(b, a) - same)
    without = (terms.sum() - 2 * terms) / ((n - 1) * (n - 2))
    return KernelDistance(
        value=float(terms.sum() / (n * (n - 1))), standard_error=math.sqrt(_jackknife_variance(without))
    )


def _kernel(products: Tensor, width: int) -> Tensor:
    return (products / width + 1) ** 3


def _row_sums(a: Tensor, b: Tensor) -> Tensor:
    """Sums the kernel of each vector of ``a`` (N, D) with all vectors of ``b`` (M, D); returns (N,)."""
    return torch.cat([_kernel(rows @ b.T, a.shape[1]).sum(dim=1) for rows in torch.split(a, _ROWS)])


def _diagonal(a: Tensor) -> Tensor:
    return _kernel(a.square().sum(dim=1), a.shape[1])


def _without_one(own: Tensor, across: Tensor, *, others: int) -> Tensor:
    """Computes the terms that involve a set, with each of its N vectors left out in turn: (N,)."""
    n = len(own)
    within = (own.sum() - 2 * own) / ((n - 1) * (n - 2))
    return within - 2 * (across.sum() - across) / ((n - 1) * others)


def _jackknife_variance(values: Tensor) -> float:
    n = len(values)
    return float((values - values.mean()).square().sum() * (n - 1) / n)
