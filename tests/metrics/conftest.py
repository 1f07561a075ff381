"""The networks with their real weights, fetched through photopulse itself, and faces as they see them."""

from pathlib import Path

import pytest
import torch
from skimage import data
from torch import Tensor

from photopulse.faces.align import align_faces
from photopulse.faces.detect import FaceDetector
from photopulse.generators.files.load import load_generator
from photopulse.images import from_uint8, image_files, read_image
from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.identity import IdentityNet, load_identity
from photopulse.weights import DEFAULT_GENERATOR

PORTRAITS = Path(__file__).parents[3] / "shared" / "data" / "portraits" / "val"


@pytest.fixture(scope="session")
def features_net() -> EfficientNetLite0:
    return load_features()


@pytest.fixture(scope="session")
def identity_net() -> IdentityNet:
    pytest.importorskip("dlib", reason="dlib is not installed (the extra photopulse[identity])")
    return load_identity()


@pytest.fixture(scope="session")
def astronaut() -> Tensor:
    return from_uint8(data.astronaut())


@pytest.fixture(scope="session")
def aligned_astronaut(face_weights: None, astronaut: Tensor) -> Tensor:
    """(1, 3, 256, 256), as FFHQ crops it."""
    return align_faces(astronaut, FaceDetector.load(), size=256)[0].image


@pytest.fixture(scope="session")
def generated_face(default_weights: None) -> Tensor:
    """An invented person (1, 3, 1024, 1024)."""
    generator = load_generator(DEFAULT_GENERATOR)
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return generator.synthesize(generator.map(z, truncation_psi=0.7)).clamp(0, 1)


@pytest.fixture(scope="session")
def aligned_portraits(face_weights: None) -> list[Tensor]:
    """Three people, each (1, 3, 512, 512)."""
    if not PORTRAITS.is_dir():
        pytest.skip("the portraits of the folder shared beside the checkout are not there")
    detector = FaceDetector.load()
    files = image_files([PORTRAITS])[:3]
    return [align_faces(read_image(file).pixels, detector, size=512)[0].image for file in files]
