"""The detector with the real weights, fetched through photopulse itself, and a photo with one known face."""

import pytest
import torch
from skimage import data
from torch import Tensor

from photopulse.faces.detect import FaceDetector
from photopulse.images import from_uint8


@pytest.fixture(scope="session")
def detector(face_weights: None) -> FaceDetector:
    return FaceDetector.load()


@pytest.fixture(scope="session")
def astronaut() -> Tensor:
    return from_uint8(data.astronaut())


@pytest.fixture(scope="session")
def two_faces(astronaut: Tensor) -> Tensor:
    """The astronaut twice side by side, the right one mirrored."""
    return torch.cat([astronaut, astronaut.flip(3)], dim=3)
