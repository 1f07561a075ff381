"""The model of raters finds what it was simulated with, and agrees with another implementation."""

import numpy as np
import pytest

from photopulse.study.rater_model import fit_rater_model
from photopulse.study.simulate import rate


def simulated(raters=30, pictures=150, missing=0.0, seed=0):
    """Ratings (R, E) and what they were made of."""
    random = np.random.default_rng(seed)
    quality = random.uniform(1.7, 4.3, pictures)
    bias = random.normal(0, 0.35, raters)
    bias -= bias.mean()
    noise = random.uniform(0.3, 1.0, raters)
    ratings = quality + bias[:, None] + noise[:, None] * random.standard_normal((raters, pictures))
    ratings[random.random(ratings.shape) < missing] = np.nan
    return ratings, quality, bias, noise


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_it_recovers_quality_bias_and_inconsistency(missing):
    ratings, quality, bias, noise = simulated(missing=missing)
    model = fit_rater_model(ratings)
    np.testing.assert_allclose(model.bias, bias, atol=0.25)
    np.testing.assert_allclose(model.inconsistency, noise, rtol=0.25)
    # Errors are as large as it says: two standard errors hold in 95 % of cases.
    assert (np.abs(model.quality - quality) < 2 * model.error).mean() > 0.85
    assert np.abs(model.quality - quality).mean() > 0.5 * model.error.mean()


def test_it_is_nearer_to_the_truth_than_the_mean_where_some_click_at_random():
    random = np.random.default_rng(1)
    quality = random.uniform(1.5, 4.5, 100)
    careful = rate(quality, random.normal(0, 0.3, (16, 1)), 0.5, random)
    clickers = random.integers(1, 6, (6, 100))
    always = np.full((2, 100), 5)
    model = fit_rater_model(np.vstack([careful, clickers, always]).astype(float))
    mean = np.vstack([careful, clickers, always]).mean(axis=0)

    def error(found):
        return np.std(found - quality)

    assert error(model.quality) < 0.5 * error(mean)
    assert model.inconsistency[16:22].min() > model.inconsistency[:16].max()


def test_one_rater_who_agrees_with_the_mean_by_chance_is_not_believed_alone():
    ratings, *_ = simulated(raters=6, pictures=20)
    ratings = np.vstack([ratings, ratings.mean(axis=0)])
    model = fit_rater_model(ratings)
    assert model.inconsistency.min() >= 1 / np.sqrt(12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_it_agrees_with_sureal(missing, monkeypatch, capsys):
    models = pytest.importorskip("sureal.subjective_model", reason="sureal is not installed")
    reader = pytest.importorskip("sureal.dataset_reader").RawDatasetReader
    ratings, *_ = simulated(missing=missing, seed=2)

    class Dataset:
        ref_videos = ({"content_id": 0, "path": "", "content_name": ""},)
        dis_videos = tuple(
            {"content_id": 0, "asset_id": place, "path": "", "os": column.tolist()}
            for place, column in enumerate(ratings.T)
        )

    oracle = models.MaximumLikelihoodEstimationModelContentObliviousAlternativeProjection(reader(Dataset()))
    told = oracle.run_modeling()
    model = fit_rater_model(ratings)
    np.testing.assert_allclose(model.quality, told["quality_scores"], atol=1e-6)
    np.testing.assert_allclose(model.bias, told["observer_bias"], atol=1e-6)
    np.testing.assert_allclose(model.inconsistency, told["observer_inconsistency"], atol=1e-5)
    np.testing.assert_allclose(model.error, told["quality_scores_std"], rtol=1e-4)
