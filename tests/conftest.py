"""Fixtures for all tests: a generator so small that a whole search takes a second, toys that restore photos."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image
from torch import Tensor, nn

from photopulse.faces.blazeface import Face
from photopulse.faces.mesh import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FaceMesh
from photopulse.generators.mobilestylegan import MobileStyleGAN, MobileStyleGANSettings
from photopulse.networks.fsrnet import FSRNetSettings
from photopulse.networks.full_size import FullSizeNet
from photopulse.restoration.face_restorer import DrawnFace
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.look import PhotoDamage
from photopulse.runs.watcher import Watcher
from photopulse.weights import DEFAULT_GENERATOR

# How long an example takes says nothing of the code on a machine that does other things too.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

WriteFaces = Callable[..., list[Path]]
BuildGenerator = Callable[..., MobileStyleGAN]


@pytest.fixture
def listen() -> Callable[..., Watcher]:
    """Makes a watcher of functions by the names of their events: ``listen(note=notes.append)``."""

    def make(**events: Callable[..., None]) -> Watcher:
        watcher = Watcher()
        vars(watcher).update(events)
        return watcher

    return make


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


class _ToyFaces:
    """Stands for the face detector: it finds the faces it was given, (x, y, side) in px of the photo it sees."""

    def __init__(self, faces: Sequence[tuple[float, float, float]]) -> None:
        self.faces = faces
        self.mesher = self

    def detect(self, image: Tensor) -> list[Face]:
        boxes = [(x - side / 2, y - side / 2, x + side / 2, y + side / 2) for x, y, side in self.faces]
        found = [Face(box=box, score=0.9, keypoints=np.zeros((6, 2))) for box in boxes]
        return sorted(found, key=lambda face: -face.side)

    def fit(self, pixels: object, face: Face) -> FaceMesh:
        """An upright round face that fills the box."""
        turns = np.linspace(0, 2 * np.pi, 468, endpoint=False)
        points = np.stack([np.cos(turns), np.sin(turns), np.zeros(468)], axis=1) / 2
        points[list(LEFT_EYE), :2], points[list(RIGHT_EYE), :2] = (-0.2, -0.1), (0.2, -0.1)
        points[list(MOUTH_CORNERS), :2] = [(-0.15, 0.3), (0.15, 0.3)]
        middle = ((face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2, 0)
        return FaceMesh(points=points * face.side + middle, presence=1.0)


class _ToyFaceRestorer:
    """Adds a checkerboard of 32 px squares, and remembers what it was given."""

    fingerprint = "toy" * 8

    def __init__(self, misfit: float = 0.0) -> None:
        self.misfit = misfit
        self.calls: list[tuple[int, Sequence[float]]] = []

    def restore(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        self.calls.append((len(crops), resolutions))
        row = torch.arange(crops.shape[3]) // 32 % 2
        board = 0.2 * (row[:, None] ^ row[None]) - 0.1
        return [DrawnFace(image=crop[None] + board, misfit=self.misfit) for crop in crops]


class _Brighter(nn.Module):
    def forward(self, photo: Tensor) -> Tensor:
        return photo + 0.25


class _Unscathed(nn.Module):
    def forward(self, photo: Tensor) -> Tensor:
        return torch.full_like(photo[:, :1], -10)


class _LeftAsFilled(nn.Module):
    def forward(self, filled: Tensor, holes: Tensor) -> Tensor:
        return filled


class _Doubled(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


@pytest.fixture(scope="session")
def toy_restore_kit() -> Callable[..., RestoreKit]:
    """Builds a kit without weights: ``toy_restore_kit(faces=[(x, y, side)], misfit=0.0, photo_net=...)``.

    Its photo network adds 0.25, its face restorer a checkerboard, and what enlarges doubles every pixel.
    """

    def build(faces: Sequence[tuple[float, float, float]] = (), misfit: float = 0.0, **others: Any) -> RestoreKit:
        torch.manual_seed(0)
        parts: dict[str, Any] = {
            "detector": _ToyFaces(faces),
            "face_restorer": _ToyFaceRestorer(misfit),
            "photo_net": _Brighter(),
            "full_size_net": FullSizeNet().eval(),
            "enlarge_net": _Doubled(),
            "damage_net": _Unscathed(),
            "inpaint_net": _LeftAsFilled(),
            # The toys' photos are flat; what they show is what happens to damaged ones.
            "look": lambda _photo: PhotoDamage(noise=20, chroma_noise=5, jpeg_quality=20, blur=2),
        }
        return RestoreKit(**(parts | others))

    return build


@pytest.fixture(scope="session")
def shared_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shared_cache(shared_cache_folder: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    """One cache for all tests that search, so that a toy generator's Gaussian is fitted once."""
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(shared_cache_folder))
    return shared_cache_folder


@pytest.fixture
def faces(tmp_path: Path) -> WriteFaces:
    """Writes small pictures: ``faces("a.png", "b.webp", size=8)`` returns their paths in the folder ``in``."""

    def write(*names: str, size: int = 8) -> list[Path]:
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name in names:
            random = np.random.default_rng(sum(name.encode()))
            pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name)
        return [folder / name for name in names]

    return write
