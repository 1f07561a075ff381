"""A real mesh, small pictures that stand for faces, and an FSRNet so small that a step takes milliseconds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from torch import nn

from photopulse.faces.mesh import FaceMesh
from photopulse.networks.fsrnet import FSRNetSettings
from photopulse.training.fsrnet.discriminator import PairDiscriminator
from photopulse.training.fsrnet.faces import TrainingFace
from photopulse.training.learner import seeded_weights

Points = npt.NDArray[np.float64]

# The mesh of skimage's astronaut (NASA, public domain), FFHQ-aligned, as fractions of the crop; and the mesh of the
# mirror image of the crop, found anew.
MESHES = Path(__file__).parents[1] / "data" / "face_mesh_astronaut.npz"


@pytest.fixture(scope="session")
def mesh() -> Points:
    with np.load(MESHES) as stored:
        return stored["points"].astype(np.float64)


@pytest.fixture(scope="session")
def mirrored_mesh() -> Points:
    """What the mesh network sees in the mirror image of the picture of ``mesh``."""
    with np.load(MESHES) as stored:
        return stored["mirrored"].astype(np.float64)


@pytest.fixture(scope="session")
def tiny(tiny_fsrnet: FSRNetSettings) -> FSRNetSettings:
    return tiny_fsrnet


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve smooth colourful pictures of 256 px, the brightest of which has the number 0."""
    folder = tmp_path_factory.mktemp("faces")
    for number in range(12):
        coarse = np.random.default_rng(number).integers(40, 200 if number else 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(folder / f"{number:02d}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def faces(pictures: list[Path], mesh: Points) -> list[TrainingFace]:
    return [TrainingFace(file=file, points=mesh) for file in pictures]


class FakeDetector:
    """Sees in each picture the given mesh, in all but black ones; stands for itself and its mesher."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self.mesher = self
        self.seen = 0

    def detect(self, pixels):
        self.seen += 1
        return ["a face"] if pixels.max() > 0.1 else []

    def face_mesh(self, pixels, face):
        flat = np.concatenate([self.points * pixels.shape[-1] - 0.5, np.zeros((468, 1))], axis=1)
        return FaceMesh(points=flat, presence=1.0)


@pytest.fixture
def detector(mesh: Points, monkeypatch: pytest.MonkeyPatch) -> FakeDetector:
    """Takes the place of the real detector."""
    fake = FakeDetector(mesh)
    monkeypatch.setattr("photopulse.training.fsrnet.faces.FaceDetector.load", lambda: fake)
    return fake


class TinyFeatures(nn.Module):
    """One layer that stands for the feature network."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, stride=4)

    def stages(self, image):
        return [self.layer(image)]


@pytest.fixture
def small_discriminator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes FSRGAN's discriminator and features small, so that a step is quick and nothing is fetched."""
    with seeded_weights(0):
        features = TinyFeatures().requires_grad_(False)
    monkeypatch.setattr("photopulse.training.fsrnet.fsrgan.load_features", lambda _device: features)
    tiny = partial(PairDiscriminator, width=4, levels=3)
    monkeypatch.setattr("photopulse.training.fsrnet.fsrgan.PairDiscriminator", tiny)


Dotted = Callable[[float, float], TrainingFace]


@pytest.fixture
def dotted(tmp_path: Path) -> Dotted:
    """Paints a soft white dot on black at fractions (x, y) of a picture; all mesh points lie on the dot."""

    def paint(x: float, y: float, size: int = 256) -> TrainingFace:
        centres = (np.arange(size) + 0.5) / size * 256
        spot = np.exp(-((centres[:, None] - y * 256) ** 2 + (centres[None] - x * 256) ** 2) / (2 * 4.0**2))
        file = tmp_path / f"{x}-{y}-{size}.png"
        Image.fromarray(np.round(spot * 255).astype(np.uint8)).convert("RGB").save(file)
        return TrainingFace(file=file, points=np.tile([(x, y)], (468, 1)))

    return paint


@pytest.fixture
def stage_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the place of the network of the perceptual loss, so that nothing is fetched."""
    with seeded_weights(0):
        features = TinyFeatures().requires_grad_(False)
    monkeypatch.setattr("photopulse.training.restoration.train.load_features", lambda _device: features)
