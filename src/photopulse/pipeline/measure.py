"""All that is measured of one enlarged face, against the sharp face and the small one."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from photopulse.degrade import Bicubic, make_degradation
from photopulse.metrics.consistency import downscale_mse
from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.identity import IdentityNet, identity_similarity, load_identity
from photopulse.metrics.niqe import niqe, niqe_features
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.metrics.psnr import psnr, psnr_y
from photopulse.metrics.sharpness import sharpness
from photopulse.metrics.ssim import ssim

NIQE_BLOCK = 96


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of one face at one size; None is what does not apply, or is no finite number.

    ``niqe_blocks`` are the features of a face that is too small for a NIQE of its own, one line a block: those of
    many faces together give one NIQE of the set.
    """

    downscale_mse: float | None = None
    psnr: float | None = None
    psnr_y: float | None = None
    ssim: float | None = None
    niqe: float | None = None
    perceptual: float | None = None
    identity: float | None = None
    sharpness: float | None = None
    niqe_blocks: list[list[float]] = field(default_factory=list[list[float]])


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Measures faces.

    Attributes:
        degradation: name of the operator that made the inputs small.
        features: for the perceptual distance; None leaves it out.
        identity: for the likeness of the person; None leaves it out.
    """

    degradation: str = "bicubic"
    features: EfficientNetLite0 | None = None
    identity: IdentityNet | None = None

    @classmethod
    def load(cls, *, degradation: str, perceptual: bool, identity: bool) -> "Meter":
        """Loads the networks of the metrics that are wanted, fetched the first time.

        Raises:
            PhotopulseError: if one of them cannot be fetched.
        """
        return cls(
            degradation=degradation,
            features=load_features() if perceptual else None,
            identity=load_identity() if identity else None,
        )

    @torch.no_grad()
    def measure(self, image: Tensor, *, small: Tensor, sharp: Tensor | None, size: int) -> Measured:
        """Measures a face (1, 3, n, n) in [0, 1] at ``size`` px, to which it and the sharp one are downscaled.

        Only the consistency with ``small`` (1, 3, h, h) is that of the face as it is, through the operator that
        made the input small. Without ``sharp`` nothing is compared with it: the face is the sharp one.
        """
        factor = image.shape[-1] // small.shape[-1]
        error = downscale_mse(image, small, make_degradation(self.degradation, factor=factor))
        shown = at_size(image, size)
        compared = {} if sharp is None else self._compared(shown, at_size(sharp, size))
        return Measured(
            downscale_mse=_finite(error),
            sharpness=_finite(sharpness(shown)),
            niqe=own_niqe(shown),
            niqe_blocks=[] if _has_own_niqe(size) or size < NIQE_BLOCK else niqe_features(shown).tolist(),
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
        if self.identity is not None:
            faces = (self.identity.embed(picture) for picture in (shown, reference))
            values["identity"] = _finite(identity_similarity(*faces))
        return values


def at_size(image: Tensor, size: int) -> Tensor:
    """Downscales (1, 3, n, n) to ``size`` by the antialiased bicubic filter; n is a multiple of it."""
    return Bicubic(image.shape[-1] // size)(image).clamp(0, 1)


def own_niqe(image: Tensor) -> float | None:
    """Computes the NIQE of (1, 3, n, n); None where there are too few blocks for a covariance."""
    return _finite(niqe(image)) if _has_own_niqe(image.shape[-1]) else None


def _has_own_niqe(size: int) -> bool:
    return (size // NIQE_BLOCK) ** 2 >= 2


def _finite(value: Tensor | float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
