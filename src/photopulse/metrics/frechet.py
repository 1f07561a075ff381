"""The Frechet distance between two sets of pictures, each modelled as a Gaussian of features (Heusel et al. 2017)."""

import math
from typing import cast

import numpy as np
import numpy.typing as npt
from torch import Tensor

from photopulse.metrics.feature_sets import check_feature_sets

Features = npt.NDArray[np.float64]


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """Computes the squared Frechet distance of the Gaussians fitted to two feature sets; 0 for equal sets.

    ``|mean_a - mean_b|^2 + tr(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))`` with unbiased covariances (Dowson and
    Landau 1982; arXiv 1706.08500, section 3). On ``EfficientNetLite0.pooled`` call it "FD on EfficientNet-Lite0
    features": FID means Inception's features, and the values are not comparable. It is biased upwards, more so for
    smaller sets: compare only figures of equally large sets, and read ``kernel_distance`` beside it.

    Args:
        features_a: (N, D), N >= 2; N may be smaller than D.
        features_b: (M, D), M >= 2.

    Raises:
        ValueError: if the shapes do not fit or a value is not finite.
    """
    a, b = (values.numpy() for values in check_feature_sets(features_a, features_b, least=2))
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    # tr (A'A B'B)^(1/2) is the sum of the singular values of AB', which is stable for singular covariances too.
    shared = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    spread = np.square(root_a).sum() + np.square(root_b).sum()
    return max(float(means + spread - 2 * shared), 0.0)


def _covariance_root(features: Features) -> Features:
    """Returns R (at most D rows, D columns) such that R'R is the covariance of features (N, D)."""
    count, width = features.shape
    root = (features - features.mean(axis=0)) / math.sqrt(count - 1)
    return cast(Features, np.linalg.qr(root, mode="r")) if count > width else root
