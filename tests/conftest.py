"""Fixtures for all tests: a generator so small that a whole search takes a second."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from photopulse.generators.mobilestylegan import MobileStyleGAN, MobileStyleGANSettings
from photopulse.restore.fsrnet import FSRNetSettings
from photopulse.weights import DEFAULT_GENERATOR

BuildGenerator = Callable[..., MobileStyleGAN]


def _build_generator(seed: int = 0, channels: tuple[int, ...] = (16, 16, 16), name: str = "tiny") -> MobileStyleGAN:
    """A MobileStyleGAN with seeded random weights whose images lie mostly in [0, 1] and depend on everything."""
    settings = MobileStyleGANSettings(z_dim=16, w_dim=16, num_mapping_layers=2, channels=channels)
    generator = MobileStyleGAN(settings, name=name)
    random = torch.Generator().manual_seed(seed)
    for key, values in generator.state_dict().items():
        drawn = torch.randn(values.shape, generator=random)
        if key.startswith("mapping.") and key.endswith("weight"):
            drawn /= 4
        elif key.endswith(("affine.weight", "up.weight")):
            drawn *= 0.15
        elif key.endswith(("affine.bias", "up.bias")):
            drawn = 1.5 + 0.1 * drawn
        elif key.endswith("weight"):
            drawn /= values[0].numel() ** 0.5
        elif key.endswith("pointwise"):
            drawn /= 3 * values.shape[1] ** 0.5
        elif key.endswith("noise_strength"):
            drawn = drawn.abs() * 0.05 + 0.05
        elif key.endswith("bias"):
            drawn *= 0.1
        values.copy_(drawn)
    generator.eval().requires_grad_(False)
    # Smooth pictures of low contrast: the wavelet's details are damped, then all is scaled.
    generator.image.weight[3:] *= 0.1
    generator.image.bias[3:] *= 0.1
    pictures = generator.synthesize(generator.map(torch.randn(16, 16, generator=random)))
    generator.image.weight /= pictures.std() * 5
    return generator


def _get_weights(*names: str) -> None:
    """Fetches weights into the real cache as a user does; returns at once when they are there."""
    subprocess.run([sys.executable, "-m", "photopulse", "models", "get", *names], check=True, capture_output=True)


@pytest.fixture(scope="session")
def default_weights() -> None:
    """Makes sure that the default generator is in the cache."""
    _get_weights(DEFAULT_GENERATOR)


@pytest.fixture(scope="session")
def face_weights() -> None:
    """Makes sure that the face detector's networks are in the cache."""
    _get_weights("blazeface", "facemesh")


@pytest.fixture(scope="session")
def build_generator() -> BuildGenerator:
    """Builds a frozen toy generator: ``build_generator(seed=0, channels=(16, 16, 16), name="tiny")``."""
    return _build_generator


@pytest.fixture(scope="session")
def tiny_generator() -> MobileStyleGAN:
    """One 32 px generator (w_dim 16, 6 styles, 5 noise maps) for all tests, which must not change it."""
    return _build_generator()


@pytest.fixture(scope="session")
def tiny_fsrnet() -> FSRNetSettings:
    """Sizes of an FSRNet so small that a step takes milliseconds."""
    return FSRNetSettings(
        coarse_shuffle=8,
        coarse_width=4,
        coarse_blocks=1,
        stride=8,
        width=4,
        encoder_blocks=1,
        prior_width=4,
        prior_blocks=1,
        hourglasses=1,
        hourglass_levels=1,
        decoder_shuffle=4,
        decoder_width=4,
        decoder_blocks=1,
    )


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Computes with one thread: tiny tensors gain nothing from more, and results repeat exactly."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Points photopulse's cache to an empty folder of this test (not yet made)."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(folder))
    return folder
