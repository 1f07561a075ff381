"""What is measured of a restored portrait: inside the face box, on the whole picture, and of the person."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from photopulse.faces.align import Alignment, ffhq_quad
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import ffhq_landmarks
from photopulse.faces.region import face_region
from photopulse.images import read_image
from photopulse.metrics import (
    identity_distance,
    identity_similarity,
    load_features,
    load_identity,
    niqe,
    perceptual_distance,
    psnr,
    ssim,
)
from photopulse.metrics.features import EfficientNetLite0
from photopulse.metrics.identity import IdentityNet

ALIGNED = 512
REGIONS = ("face", "whole")
Values = dict[str, float | bool | None]
Window = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """A sharp photo (1, 3, H, W), and where its largest face is: the same place for all methods.

    Attributes:
        sharp: the photo.
        face: rows and columns of the bounding box of the face network's square.
        alignment: of the face, for its identity.
        embedding: of the sharp face.
    """

    sharp: Tensor
    face: Window
    alignment: Alignment
    embedding: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """The networks that measure."""

    features: EfficientNetLite0
    identity: IdentityNet
    detector: FaceDetector

    @classmethod
    def load(cls) -> Self:
        return cls(features=load_features(), identity=load_identity(), detector=FaceDetector.load())

    def refer_to(self, photo: Path) -> Reference:
        """Reads a sharp photo and finds its face; None of the results is searched for where to measure."""
        sharp = read_image(photo).pixels
        faces = self.detector.detect(sharp)
        if not faces:
            raise SystemExit(f"no face was found in {photo}")
        mesh = self.detector.mesher.face_mesh(sharp, faces[0])
        corners = face_region(mesh).corners
        limits = (sharp.shape[3], sharp.shape[2])
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, limits)
        right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, limits)
        alignment = Alignment(quad=ffhq_quad(*ffhq_landmarks(mesh)), size=ALIGNED)
        return Reference(
            sharp=sharp,
            face=(slice(top, bottom), slice(left, right)),
            alignment=alignment,
            embedding=self.identity.embed(alignment.crop(sharp)),
        )

    @torch.no_grad()
    def measure(self, image: Tensor, reference: Reference) -> Values:
        """Measures (1, 3, H, W), rounded to bytes as it is written; None is what is infinite or too small to measure.

        Names: ``face psnr`` ..., ``whole psnr`` ..., ``identity`` (cosine), ``identity distance`` and ``face found``,
        which says whether the detector finds a face within the box.
        """
        windows = {"face": reference.face, "whole": (slice(None), slice(None))}
        values: Values = {}
        for region, window in windows.items():
            pair = image[(..., *window)], reference.sharp[(..., *window)]
            values[f"{region} psnr"] = finite(psnr(*pair))
            values[f"{region} ssim"] = finite(ssim(*pair))
            values[f"{region} perceptual"] = finite(perceptual_distance(self.features, *pair))
            values[f"{region} niqe"] = own_niqe(pair[0])
        embedding = self.identity.embed(reference.alignment.crop(image))
        values["identity"] = identity_similarity(embedding, reference.embedding)
        values["identity distance"] = identity_distance(embedding, reference.embedding)
        values["face found"] = self.finds_face(image, reference.face)
        return values

    def finds_face(self, image: Tensor, window: Window) -> bool:
        rows, columns = window
        centres = [face.keypoints.mean(axis=0) for face in self.detector.detect(image)]
        return any(columns.start <= x < columns.stop and rows.start <= y < rows.stop for x, y in centres)


def finite(value: Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def own_niqe(image: Tensor) -> float | None:
    try:
        return niqe(image)
    except ValueError:  # Too few blocks, or flat ones.
        return None
