"""The kernel distance between two sets of pictures, KID's unbiased estimator (Binkowski et al. 2018)."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from photopulse.metrics.feature_sets import check_feature_sets

# So many rows of the kernel's matrix lie in memory at once.
_ROWS: Final = 1024


@dataclass(frozen=True, kw_only=True)
class KernelDistance:
    """An estimate of a squared maximum mean discrepancy; it may come out negative where the truth is near 0.

    Attributes:
        value: the estimate.
        standard_error: its standard error.
    """

    value: float
    standard_error: float


def kernel_distance(features_a: Tensor, features_b: Tensor, *, paired: bool = False) -> KernelDistance:
    """Estimates the squared MMD of two feature sets with the kernel ``(x.y / D + 1)^3``, from all pairs.

    Unbiased however few the pictures are (arXiv 1801.01401, section 4), unlike the Frechet distance. On
    ``EfficientNetLite0.pooled`` call it "KD on EfficientNet-Lite0 features": KID means those of Inception. The
    standard error is the jackknife's: each picture is left out once, in closed form. Memory grows with N + M only.

    Args:
        features_a: (N, D), N >= 3.
        features_b: (M, D), M >= 3.
        paired: picture i of the one set shows the same as picture i of the other. Their likeness says nothing of
            the sets and would make the distance too small, so these pairs are left out (and each pair at once by
            the jackknife); N = M.

    Raises:
        ValueError: if the shapes do not fit or a value is not finite.
    """
    a, b = check_feature_sets(features_a, features_b, least=3)
    if paired:
        return _paired_distance(a, b)
    own_a, own_b = _row_sums(a, a) - _diagonal(a), _row_sums(b, b) - _diagonal(b)
    across_a, across_b = _row_sums(a, b), _row_sums(b, a)
    n, m = len(a), len(b)
    within_a, within_b = own_a.sum() / (n * (n - 1)), own_b.sum() / (m * (m - 1))
    value = within_a + within_b - 2 * across_a.sum() / (n * m)
    without_a = _without_one(own_a, across_a, others=m) + within_b
    without_b = _without_one(own_b, across_b, others=n) + within_a
    variance = _jackknife_variance(without_a) + _jackknife_variance(without_b)
    return KernelDistance(value=float(value), standard_error=math.sqrt(variance))


def _paired_distance(a: Tensor, b: Tensor) -> KernelDistance:
    """The U-statistic of Gretton et al. 2012 (equation 4), which leaves the cross terms of i with i out."""
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
    """Sums the kernel of each vector of a (N, D) with all of b (M, D): (N,)."""
    return torch.cat([_kernel(rows @ b.T, a.shape[1]).sum(dim=1) for rows in torch.split(a, _ROWS)])


def _diagonal(a: Tensor) -> Tensor:
    return _kernel(a.square().sum(dim=1), a.shape[1])


def _without_one(own: Tensor, across: Tensor, *, others: int) -> Tensor:
    """What the terms that a set takes part in become when each of its vectors in turn is left out: (N,)."""
    n = len(own)
    within = (own.sum() - 2 * own) / ((n - 1) * (n - 2))
    return within - 2 * (across.sum() - across) / ((n - 1) * others)


def _jackknife_variance(values: Tensor) -> float:
    n = len(values)
    return float((values - values.mean()).square().sum() * (n - 1) / n)
