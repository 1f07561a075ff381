"""NIQE against MATLAB's figure for one photo and against the figures of BasicSR 1.4.2 for photos of scikit-image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torch import Tensor

from photopulse.images import from_uint8
from photopulse.metrics import niqe, niqe_features, niqe_score

MODEL = Path(__file__).parents[2] / "src" / "photopulse" / "metrics" / "niqe_pristine.npz"
BABOON = Path(__file__).parents[2] / ".." / "shared" / "data" / "niqe" / "baboon.png"


def chelsea() -> Tensor:
    return from_uint8(data.chelsea())


def pristine() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with np.load(MODEL) as stored:
        return stored["mean"], stored["covariance"]


@pytest.mark.skipif(not BABOON.is_file(), reason="the photo with MATLAB's figure is not beside the checkout")
@pytest.mark.parametrize(
    ("shave", "expected", "tolerance"),
    [pytest.param(0, 5.72957338, 2e-6, id="matlab"), pytest.param(4, 5.989246, 1e-5, id="basicsr")],
)
def test_baboon_has_the_known_score(shave: int, expected: float, tolerance: float) -> None:
    photo = from_uint8(np.asarray(Image.open(BABOON).convert("RGB")))
    assert niqe(photo, shave=shave) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(("photo", "shave", "expected"), [
    pytest.param("chelsea", 0, 2.62552438, id="chelsea"),
    pytest.param("chelsea", 5, 2.85197380, id="chelsea-shaved"),
    pytest.param("coffee", 0, 4.11524162, id="coffee"),
])  # fmt: skip
def test_photos_score_as_with_basicsr(photo: str, shave: int, expected: float) -> None:
    assert niqe(from_uint8(getattr(data, photo)()), shave=shave) == pytest.approx(expected, abs=2e-5)


def test_a_photo_with_flat_borders_scores_as_with_basicsr() -> None:
    pixels = data.chelsea().copy()
    pixels[:, :100] = 255
    assert np.isnan(niqe_features(from_uint8(pixels))).any(axis=1).sum() == 3
    pixels[:, 420:] = 0
    assert niqe(from_uint8(pixels)) == pytest.approx(10.38462760, abs=1e-4)


def test_a_photo_enlarged_without_interpolation_scores_as_with_basicsr() -> None:
    pixels = data.coffee()[::8, ::8].repeat(8, axis=0).repeat(8, axis=1)
    assert niqe(from_uint8(pixels)) == pytest.approx(15.86726, abs=1e-3)


def test_blur_and_noise_raise_the_score() -> None:
    photo = chelsea()
    blurred = torch.nn.functional.avg_pool2d(photo, 5, stride=1, padding=2)
    noisy = photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    clean = niqe(photo)
    assert niqe(blurred) > clean + 1
    assert niqe(noisy) > clean + 1


def test_what_exceeds_whole_blocks_is_cut_off_at_the_right_and_at_the_bottom() -> None:
    photo = chelsea()
    assert photo.shape[2:] == (300, 451)
    np.testing.assert_array_equal(niqe_features(photo), niqe_features(photo[..., :288, :384]))


def test_a_tensor_scores_as_the_file_that_it_becomes() -> None:
    photo = chelsea()
    nearly = photo + 0.4 / 255 * torch.where(photo > 0.5, 1.0, -1.0)
    assert niqe(nearly) == niqe(photo)


def test_the_model_is_that_of_the_release() -> None:
    mean, covariance = pristine()
    np.testing.assert_allclose(mean[:3], [2.60131368, 0.90570272, 0.81204778], atol=1e-8)
    assert mean.shape == (36,)
    assert covariance.shape == (36, 36)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    notice = MODEL.with_suffix(".txt").read_text()
    assert "Copyright (c) 2011 The University of Texas at Austin" in notice
    assert "COPYRIGHT NOTICE ENDS WITH THIS LINE" in notice


def test_blocks_as_pristine_photos_have_them_score_zero() -> None:
    mean, _ = pristine()
    assert niqe_score(np.stack([mean, mean])) == pytest.approx(0, abs=1e-9)


def test_the_score_is_the_mahalanobis_distance_under_the_mean_covariance() -> None:
    mean, covariance = pristine()
    features = mean + np.random.default_rng(0).normal(0, 0.1, (50, 36))
    difference = features.mean(axis=0) - mean
    deviations = features - features.mean(axis=0)
    mixed = (covariance + deviations.T @ deviations / 49) / 2
    expected = np.sqrt(difference @ np.linalg.solve(mixed, difference))
    assert niqe_score(features) == pytest.approx(expected, rel=1e-9)


def test_incomplete_blocks_count_in_the_mean_by_what_they_have() -> None:
    mean, covariance = pristine()
    features = np.stack([mean, mean, np.full(36, np.nan)])
    features[2, 0] = mean[0] + 3
    difference = np.eye(36)[0]
    expected = np.sqrt(difference @ np.linalg.solve(covariance / 2, difference))
    assert niqe_score(features) == pytest.approx(expected, rel=1e-9)


def test_one_block_has_features_but_no_score_until_blocks_are_pooled() -> None:
    photo = chelsea()
    faces = [photo[..., 20:148, 100:228], photo[..., 100:228, 200:328]]
    features = [niqe_features(face) for face in faces]
    assert [f.shape for f in features] == [(1, 36), (1, 36)]
    with pytest.raises(ValueError, match="at least two blocks"):
        niqe(faces[0])
    assert 0 < niqe_score(np.concatenate(features)) < 20


def test_a_flat_image_has_no_score() -> None:
    with pytest.raises(ValueError, match=r"with contrast, got 0 \(of 4 blocks\)"):
        niqe(torch.full((1, 3, 192, 192), 0.7))


@pytest.mark.parametrize(("size", "shave"), [(95, 0), (100, 3), (100, 60)])
def test_an_image_smaller_than_a_block_is_refused(size: int, shave: int) -> None:
    with pytest.raises(ValueError, match=f"96 x 96 pixels, got {size} x 200 with a shave of {shave}"):
        niqe_features(torch.rand(1, 3, size, 200), shave)


def test_a_batch_a_negative_shave_and_other_features_are_refused() -> None:
    with pytest.raises(ValueError, match="one image"):
        niqe(torch.rand(2, 3, 96, 192))
    with pytest.raises(ValueError, match="shave >= 0"):
        niqe(torch.rand(1, 3, 96, 192), shave=-1)
    with pytest.raises(ValueError, match=r"\(blocks, 36\)"):
        niqe_score(np.zeros((4, 18)))
