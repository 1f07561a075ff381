"""Small faces in a folder, and one cache for all tests of batches."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def batch_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _shared_cache(batch_cache, monkeypatch, one_thread):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(batch_cache))


@pytest.fixture
def faces(tmp_path):
    """Writes small pictures: ``faces("a.png", "b.webp", size=8)`` returns their paths in the folder ``in``."""

    def write(*names, size=8):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name in names:
            random = np.random.default_rng(sum(name.encode()))
            pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name)
        return [folder / name for name in names]

    return write
