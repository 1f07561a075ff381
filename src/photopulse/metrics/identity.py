"""Identity: the similarity of two faces to a face recognition network, to tell whether the person stayed the same.

It is a measure for evaluation, of two given pictures. photopulse stores no faces and identifies no one.
"""

import importlib
import threading
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from photopulse import weights
from photopulse.errors import PhotopulseError
from photopulse.extras import install_command

Embedding = npt.NDArray[np.float64]

IDENTITY: Final = "dlib-face-embedding"

_WORKING_SIZE = 512
# Left, top, right, bottom of the box that dlib's own detector returns for most FFHQ-aligned faces of that size.
_FACE_BOX = (95, 164, 405, 474)
_CHIP_SIZE = 150


class IdentityNet:
    """dlib's face recognition network (King 2017); it runs on the CPU, one thread at a time.

    Args:
        shape_predictor: dlib's file of the five-landmark predictor.
        recognition: dlib's file of the recognition network.

    Raises:
        PhotopulseError: if dlib is not installed.
    """

    def __init__(self, shape_predictor: Path, recognition: Path) -> None:
        self._dlib = _import_dlib()
        self._predictor = self._dlib.shape_predictor(str(shape_predictor))
        self._recognition = self._dlib.face_recognition_model_v1(str(recognition))
        self._lock = threading.Lock()  # The network keeps its layers' outputs.

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Loads the network from a folder that holds the two files under dlib's names."""
        return cls(
            folder / "shape_predictor_5_face_landmarks.dat",
            folder / "dlib_face_recognition_resnet_model_v1.dat",
        )

    def embed(self, aligned_face: Tensor) -> Embedding:
        """Computes the identity embedding of one face.

        No detector runs: the box is the same for all FFHQ crops, the five landmarks are fitted within it, and dlib
        cuts the upright face out and embeds it without jitter. So faces that no detector finds are measured too.

        Args:
            aligned_face: (1, 3, S, S), nominally [0, 1], FFHQ-aligned; it is resampled to 512 px. S from 64 to 1024 is
                usual; below 64 px little of the identity is left.

        Returns:
            (128,), float64, of a norm near 1.4.

        Raises:
            ValueError: if the face has another shape.
        """
        if aligned_face.shape[:2] != (1, 3) or aligned_face.ndim != 4 or aligned_face.shape[2] != aligned_face.shape[3]:
            raise ValueError(f"one square face (1, 3, S, S) is needed, got {tuple(aligned_face.shape)}")
        pixels = _working_pixels(aligned_face)
        with self._lock:
            landmarks = self._predictor(pixels, self._dlib.rectangle(*_FACE_BOX))
            chip = self._dlib.get_face_chip(pixels, landmarks, size=_CHIP_SIZE)
            return np.asarray(self._recognition.compute_face_descriptor(chip), dtype=np.float64)


def load_identity() -> IdentityNet:
    """Loads the network with the named weights ``dlib-face-embedding`` (100 MB, fetched once if need be).

    Raises:
        PhotopulseError: if dlib is not installed or the weights cannot be fetched.
    """
    # Checked first, so that 100 MB are not fetched in vain.
    _import_dlib()
    return IdentityNet.from_folder(weights.fetch(IDENTITY))


def identity_distance(a: Embedding, b: Embedding) -> float:
    """Computes the Euclidean distance of two embeddings (128,); below 0.6 dlib takes two faces for the same person."""
    return float(np.linalg.norm(a - b))


def identity_similarity(a: Embedding, b: Embedding) -> float:
    """Computes the cosine similarity of two embeddings (128,), in [-1, 1].

    All embeddings have a large component in common: different people have 0.84 on average and up to 0.93 (54
    portraits), and dlib's threshold of 0.6 for the same person is near 0.91. Read the distance beside it.
    """
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _import_dlib() -> Any:
    try:
        return importlib.import_module("dlib")
    except ImportError as problem:
        raise PhotopulseError(
            "cannot measure the likeness of faces",
            why=f"dlib cannot be imported ({problem})",
            fix=f"run `{install_command('identity')}`",
        ) from problem


def _working_pixels(face: Tensor) -> npt.NDArray[np.uint8]:
    size = (_WORKING_SIZE, _WORKING_SIZE)
    resized = F.interpolate(face.detach().cpu().float(), size, mode="bicubic", antialias=True, align_corners=False)
    levels = (resized[0].permute(1, 2, 0).clamp(0, 1) * 255).round()
    return np.ascontiguousarray(levels.numpy().astype(np.uint8))
