import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from photopulse.metrics.frechet import frechet_distance


def gaussian_sample(count: int, mean: Tensor, factor: Tensor, seed: int) -> Tensor:
    """A set whose sample mean is exactly ``mean`` and whose unbiased covariance is exactly ``factor factor'``."""
    drawn = torch.randn(count, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    drawn -= drawn.mean(dim=0)
    white = drawn @ torch.linalg.inv(torch.linalg.cholesky(drawn.T.cov().mT)).T
    return white @ factor.T + mean


def test_gaussians_with_diagonal_covariances_have_the_closed_form():
    mean_a, mean_b = torch.tensor([[1.0, 2, 3], [0, 2, 5]]).double()
    sigma_a, sigma_b = torch.tensor([[1.0, 2, 0.5], [3, 1, 0.5]]).double()
    a = gaussian_sample(50, mean_a, sigma_a.diag(), seed=0)
    b = gaussian_sample(80, mean_b, sigma_b.diag(), seed=1)
    # |(1, 0, -2)|^2 + (1 - 3)^2 + (2 - 1)^2 + 0
    assert frechet_distance(a, b) == pytest.approx(10, abs=1e-9)


def test_any_covariances_agree_with_the_matrix_square_root_of_scipy():
    random = torch.Generator().manual_seed(2)
    a = torch.randn(60, 8, generator=random).double() @ torch.randn(8, 8, generator=random).double()
    b = torch.randn(40, 8, generator=random).double() @ torch.randn(8, 8, generator=random).double() + 1
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_fewer_pictures_than_features_give_what_the_space_that_they_span_gives():
    random = torch.Generator().manual_seed(3)
    a, b = torch.randn(5, 3, generator=random).double(), torch.randn(6, 3, generator=random).double() * 2
    turn = torch.linalg.qr(torch.randn(40, 3, generator=random).double())[0]
    assert frechet_distance(a @ turn.T, b @ turn.T) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_equal_sets_have_no_distance():
    a = torch.rand(20, 64, generator=torch.Generator().manual_seed(4))
    assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-9)


def test_few_pictures_make_the_distance_of_one_distribution_large():
    random = torch.Generator().manual_seed(5)
    few, many = (frechet_distance(*torch.randn(2, n, 16, generator=random)) for n in (20, 2000))
    assert few > 20 * many > 0


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (torch.zeros(4, 3), torch.zeros(4, 2), "must be"),
        (torch.zeros(4), torch.zeros(4), "must be"),
        (torch.zeros(1, 3), torch.zeros(4, 3), "at least 2"),
        (torch.full((4, 3), torch.nan), torch.zeros(4, 3), "finite"),
    ],
)
def test_sets_that_have_no_distance_are_refused(a, b, why):
    with pytest.raises(ValueError, match=why):
        frechet_distance(a, b)
