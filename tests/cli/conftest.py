"""The command line on the toy generator: its file, a cache, small faces, a runner."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.generators.files.checkpoint import save_checkpoint


@pytest.fixture(scope="session")
def tiny_file(tiny_generator, tmp_path_factory):
    """The toy generator (32 px) as a file."""
    path = tmp_path_factory.mktemp("generator") / "tiny.safetensors"
    save_checkpoint(tiny_generator, path)
    return path


@pytest.fixture(scope="session")
def cli_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shared_cache(cli_cache, monkeypatch):
    """A cache of all tests of the command line, in which the toy generator's Gaussian is fitted once."""
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(cli_cache))
    monkeypatch.setenv("PHOTOPULSE_OFFLINE", "1")
    return cli_cache


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


@pytest.fixture
def upscale_with(tmp_path, tiny_file, shared_cache, one_thread):
    """Runs ``photopulse upscale ... -o out`` on the toy generator."""

    def run(*arguments):
        settings = ("-o", tmp_path / "out", "--generator", tiny_file)
        return CliRunner().invoke(app, ["upscale", *map(str, settings + arguments)])

    return run


@pytest.fixture
def upscale(upscale_with):
    """Runs the classic search with few steps (options may say otherwise)."""
    return lambda *arguments: upscale_with("--method", "classic", "--steps", 2, *arguments)
