"""How alike two faces are to a face recognition network: did the restored face stay the same person?

A measure for evaluation, of faces that one has side by side. photopulse keeps no faces and identifies no one.
"""

import importlib
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from photopulse import weights
from photopulse.errors import PhotopulseError

Embedding = npt.NDArray[np.float64]

IDENTITY: Final = "dlib-face-embedding"

_WORKING_SIZE = 512
# Left, top, right, bottom of the box that dlib's own detector gives for most FFHQ-aligned faces of that size.
_FACE_BOX = (95, 164, 405, 474)
CHIP_SIZE: Final = 150
RECOGNITION_FILE: Final = "dlib_face_recognition_resnet_model_v1.dat"


class IdentityNet:
    """dlib's face recognition network (King 2017). Not to be shared between threads; runs on the CPU."""

    def __init__(self, shape_predictor: Path, recognition: Path) -> None:
        self._dlib = _import_dlib()
        self._predictor = self._dlib.shape_predictor(str(shape_predictor))
        self._recognition = self._dlib.face_recognition_model_v1(str(recognition))

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Loads the network from a folder that holds the two files under dlib's names."""
        return cls(
            folder / "shape_predictor_5_face_landmarks.dat",
            folder / RECOGNITION_FILE,
        )

    def embed(self, aligned_face: Tensor) -> Embedding:
        """Describes one face by 128 numbers.

        No detector runs: the box follows from the FFHQ crop, the five landmarks are fitted within it, and dlib cuts
        and embeds the upright face without jitter. So a face that no detector finds any more is measured as well.

        Args:
            aligned_face: (1, 3, S, S), nominally [0, 1], FFHQ-aligned; S of 64 to 1024 is usual, and it is resampled
                to 512. Below 64 px little of the identity is left.

        Returns:
            (128,), float64, of a length near 1.4.

        Raises:
            ValueError: if the shape is another one.
        """
        if aligned_face.shape[:2] != (1, 3) or aligned_face.ndim != 4 or aligned_face.shape[2] != aligned_face.shape[3]:
            raise ValueError(f"one square face (1, 3, S, S) is needed, got {tuple(aligned_face.shape)}")
        pixels = _working_pixels(aligned_face)
        landmarks = self._predictor(pixels, self._dlib.rectangle(*_FACE_BOX))
        chip = self._dlib.get_face_chip(pixels, landmarks, size=CHIP_SIZE)
        return np.asarray(self._recognition.compute_face_descriptor(chip), dtype=np.float64)


def load_identity() -> IdentityNet:
    """Loads the network with the weights table's ``dlib-face-embedding`` (100 MB, fetched once if need be).

    Raises:
        PhotopulseError: if dlib is not installed or the weights cannot be fetched.
    """
    # Before 100 MB are fetched in vain.
    _import_dlib()
    return IdentityNet.from_folder(weights.fetch(IDENTITY))


def identity_distance(a: Embedding, b: Embedding) -> float:
    """Computes the Euclidean distance of two embeddings (128,); below 0.6 dlib takes two faces for one person."""
    return float(np.linalg.norm(a - b))


def identity_similarity(a: Embedding, b: Embedding) -> float:
    """Computes the cosine of the angle between two embeddings (128,), in [-1, 1].

    The embeddings share a large common part: strangers reach 0.84 in the mean and 0.93 at most (54 portraits), and
    dlib's limit of 0.6 for one person lies near 0.91. Read the distance beside it.
    """
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _import_dlib() -> Any:
    try:
        return importlib.import_module("dlib")
    except ImportError as problem:
        raise PhotopulseError(
            "cannot measure the likeness of faces",
            why=f"dlib cannot be imported ({problem})",
            fix="install it with: pip install 'photopulse[identity]'",
        ) from problem


def _working_pixels(face: Tensor) -> npt.NDArray[np.uint8]:
    size = (_WORKING_SIZE, _WORKING_SIZE)
    resized = F.interpolate(face.detach().cpu().float(), size, mode="bicubic", antialias=True, align_corners=False)
    levels = (resized[0].permute(1, 2, 0).clamp(0, 1) * 255).round()
    return np.ascontiguousarray(levels.numpy().astype(np.uint8))
