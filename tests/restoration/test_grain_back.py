"""Grain that is put back is as strong and as coarse as the grain that was taken out."""

import cv2
import numpy as np
import pytest
import torch

from photopulse.restoration.grain_back import measure_grain, with_grain

pytestmark = pytest.mark.usefixtures("one_thread")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def film(deviation: float, coarse: float) -> torch.Tensor:
    """Grain of 256 x 256 px, of 255: white noise through a Gaussian."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((256, 256)), (0, 0), coarse)
    return torch.from_numpy(noise / noise.std() * deviation / 255).float().expand(1, 3, -1, -1)


def neighbours(grain: torch.Tensor) -> float:
    """Correlation of pixels that lie side by side."""
    left, right = grain[0, 0, :, :-1].flatten(), grain[0, 0, :, 1:].flatten()
    return torch.corrcoef(torch.stack([left, right]))[0, 1].item()


@pytest.mark.parametrize(("deviation", "coarse"), [(4, 0.3), (8, 0.8), (12, 1.5)])
def test_strength_and_coarseness_are_those_that_were_measured(deviation, coarse):
    clean = torch.linspace(0.3, 0.7, 256).expand(1, 3, 256, 256)
    grain = film(deviation, coarse)
    measured = measure_grain(clean + grain, clean)
    assert measured.deviation * 255 == pytest.approx(deviation, rel=0.15)
    added = with_grain(clean, measured, seeded()) - clean
    assert added.std().item() * 255 == pytest.approx(deviation, rel=0.15)
    assert neighbours(added) == pytest.approx(neighbours(grain), abs=0.12)
    torch.testing.assert_close(added[:, 0], added[:, 2], atol=1e-6, rtol=0)


def test_a_seed_always_gives_the_same_grain_and_another_one_other_grain():
    clean = torch.full((1, 3, 256, 256), 0.5)
    grain = measure_grain(clean + film(8, 0.8), clean)
    assert torch.equal(with_grain(clean, grain, seeded(1)), with_grain(clean, grain, seeded(1)))
    assert (with_grain(clean, grain, seeded(1)) - with_grain(clean, grain, seeded(2))).std() * 255 > 8


def test_what_had_no_grain_gets_none():
    clean = torch.full((1, 3, 256, 256), 0.5)
    assert measure_grain(clean, clean) is None
    assert measure_grain(clean[..., :30, :], clean[..., :30, :] + 0.1) is None


def test_grain_grows_with_the_photo_and_spares_black_and_white():
    clean = torch.full((1, 3, 256, 256), 0.5)
    grain = measure_grain(clean + film(8, 0.5), clean)
    large = with_grain(torch.full((1, 3, 512, 500), 0.5), grain, seeded(), growth=2)
    assert large.shape == (1, 3, 512, 500)
    assert neighbours(large) > neighbours(with_grain(clean, grain, seeded())) + 0.2
    for end in (0.0, 1.0):
        assert torch.equal(with_grain(torch.full_like(clean, end), grain, seeded()), torch.full_like(clean, end))
