"""One cache for the tests of the pipeline, so that the toy generator's Gaussian is fitted once."""

import pytest


@pytest.fixture(scope="session")
def pipeline_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _shared_cache(pipeline_cache, monkeypatch, one_thread):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(pipeline_cache))
