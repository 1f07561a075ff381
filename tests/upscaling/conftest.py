"""One cache for the tests that search, so that a toy generator's Gaussian is fitted once."""

import pytest


@pytest.fixture(autouse=True)
def _shared_cache(shared_cache):  # pyright: ignore[reportUnusedFunction]
    pass
