"""All that is measured of one enlarged face, against the sharp face and the small one."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade import Bicubic, make_degradation
from photopulse.faces.detect import FaceDetector
from photopulse.faces.skin_tone import mean_skin_tone
from photopulse.fingerprint import weights_hash
from photopulse.metrics.consistency import downscale_mse
from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.identity import IdentityNet, identity_distance, identity_similarity, load_identity
from photopulse.metrics.lpips import LPIPS, SMALLEST_SIDE, load_lpips
from photopulse.metrics.niqe import BLOCK, niqe, niqe_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.metrics.psnr import psnr, psnr_y
from photopulse.metrics.sharpness import sharpness
from photopulse.metrics.ssim import ssim

SMALLEST_SIZE = 11
"""The least side of faces that can be measured: that of SSIM's window."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of one face at one size; None is what does not apply, or is no finite number.

    The two lists are for figures of a whole set of faces. ``niqe_blocks`` are the statistics of a face too small
    for a NIQE of its own, one line a block, None where a block has no contrast; ``features`` are those of
    EfficientNet-Lite0 (1280), to four decimals.
    """

    downscale_mse: float | None = None
    psnr: float | None = None
    psnr_y: float | None = None
    ssim: float | None = None
    niqe: float | None = None
    perceptual: float | None = None
    lpips: float | None = None
    identity: float | None = None
    identity_distance: float | None = None
    sharpness: float | None = None
    confidence: float | None = None
    ita_shift: float | None = None
    niqe_blocks: list[list[float | None]] = field(default_factory=list[list[float | None]])
    features: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Measures faces.

    Attributes:
        degradation: name of the operator that made the inputs small.
        features: for the perceptual distance and the features of the set; None leaves both out.
        identity: for the likeness of the person; None leaves it out.
        lpips: for LPIPS; None leaves it out.
        detector: for the confidence that there is a face; None leaves it out.
    """

    degradation: str = "bicubic"
    features: EfficientNetLite0 | None = None
    identity: IdentityNet | None = None
    lpips: LPIPS | None = None
    detector: FaceDetector | None = None

    @classmethod
    def load(
        cls, *, degradation: str, perceptual: bool, identity: bool, faces: bool, lpips: Path | None = None
    ) -> "Meter":
        """Loads the networks of the metrics that are wanted, fetched the first time; ``lpips`` is AlexNet's file.

        Raises:
            PhotopulseError: if one of them cannot be loaded.
        """
        return cls(
            degradation=degradation,
            features=load_features() if perceptual else None,
            identity=load_identity() if identity else None,
            lpips=load_lpips(lpips) if lpips is not None else None,
            detector=FaceDetector.load() if faces else None,
        )

    def fingerprint(self) -> str:
        """Returns what changes when other things are measured."""
        wanted = self.features is not None, self.identity is not None, self.detector is not None
        return f"{self.degradation} {wanted} {weights_hash(self.lpips)}"

    @torch.no_grad()
    def measure(
        self,
        image: Tensor,
        *,
        small: Tensor,
        sharp: Tensor | None,
        size: int,
        skin: NDArray[np.float64] | None = None,
    ) -> Measured:
        """Measures a face (1, 3, n, n) in [0, 1] at ``size`` px, to which it and the sharp one are downscaled.

        Only what compares with ``small`` (1, 3, h, h), the consistency and the shift of the skin's tone, is that of
        the face as it is, through the operator that made the input small. Without ``sharp`` nothing is compared with
        it: the face is the sharp one. ``skin`` (h, h) says where the skin is, see ``skin_coverage``; without it there
        is no shift.
        """
        degrade = make_degradation(self.degradation, factor=image.shape[-1] // small.shape[-1])
        error = downscale_mse(image, small, degrade)
        shown = at_size(image, size)
        compared = {} if sharp is None else self._compared(shown, at_size(sharp, size))
        return Measured(
            downscale_mse=_finite(error),
            sharpness=_finite(sharpness(shown)),
            confidence=None if self.detector is None else face_confidence(shown, self.detector),
            ita_shift=None if skin is None else ita_shift(degrade(image), small, skin),
            niqe=own_niqe(shown),
            niqe_blocks=_niqe_blocks(shown),
            features=[] if self.features is None else _rounded(self.features.pooled(shown)[0]),
            **compared,
        )

    def _compared(self, shown: Tensor, reference: Tensor) -> dict[str, float | None]:
        values: dict[str, float | None] = {
            "psnr": _finite(psnr(shown, reference)),
            "psnr_y": _finite(psnr_y(shown, reference)),
            "ssim": _finite(ssim(shown, reference)),
        }
        if self.features is not None:
            values["perceptual"] = _finite(perceptual_distance(self.features, shown, reference))
        if self.lpips is not None and shown.shape[-1] >= SMALLEST_SIDE:
            values["lpips"] = _finite(self.lpips(shown, reference))
        if self.identity is not None:
            faces = self.identity.embed(shown), self.identity.embed(reference)
            values["identity"] = _finite(identity_similarity(*faces))
            values["identity_distance"] = _finite(identity_distance(*faces))
        return values


def at_size(image: Tensor, size: int) -> Tensor:
    """Downscales (1, 3, n, n) to ``size`` by the antialiased bicubic filter; n is a multiple of it."""
    return Bicubic(image.shape[-1] // size)(image).clamp(0, 1)


def face_confidence(image: Tensor, detector: FaceDetector) -> float:
    """Returns the score of the surest face in (1, 3, n, n), up to 1; 0 where no face is found."""
    return max((face.score for face in detector.detect(image)), default=0.0)


def ita_shift(downscaled: Tensor, small: Tensor, skin: NDArray[np.float64]) -> float:
    """Computes how many degrees lighter the skin of a downscaled result is than the input's, both (1, 3, h, h).

    The shift is that of the audit: of the individual typology angle of the mean colour over the same pixels, each
    weighted by ``skin`` (h, h) from ``skin_coverage``.
    """
    return mean_skin_tone(downscaled, skin).ita - mean_skin_tone(small, skin).ita


def own_niqe(image: Tensor) -> float | None:
    """Computes the NIQE of (1, 3, n, n); None where too few blocks, or too few with contrast, make a covariance."""
    if not _has_own_niqe(image):
        return None
    try:
        return _finite(niqe(image))
    except ValueError:  # A flat picture, whose blocks tell nothing.
        return None


def _niqe_blocks(image: Tensor) -> list[list[float | None]]:
    if _has_own_niqe(image) or image.shape[-1] < BLOCK:
        return []
    return [[_finite(value) for value in block] for block in niqe_features(image).tolist()]


def _has_own_niqe(image: Tensor) -> bool:
    return (image.shape[-1] // BLOCK) ** 2 >= 2


def _finite(value: Tensor | float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _rounded(features: Tensor) -> list[float]:
    return features.double().numpy().round(4).tolist()
