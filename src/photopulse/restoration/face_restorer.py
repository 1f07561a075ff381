"""What redraws faces: its interface, its result, and the measure of how well it knows a face."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import torch.nn.functional as F
from torch import Tensor

_FINE: Final = 90.0

# Chosen by eye on diverse faces with strong damage: sunglasses, hands and false detections lie above both thresholds.
_LARGE_ERROR: Final = 0.0035
_LARGE_SHARE: Final = 0.15


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnFace:
    """A redrawn face.

    Attributes:
        image: redrawn face (1, 3, s, s) in [0, 1], s at least 512.
        misfit: error of the generator's nearest face at 32 px, relative to its thresholds. From 1 on, the error is
            large both absolutely and relative to the contrast: the face lies outside the generator's range.
    """

    image: Tensor
    misfit: float


class FaceRestorer(Protocol):
    """Anything that redraws faces: the search of a generator, or a network."""

    @property
    def fingerprint(self) -> str:
        """Returns a hash of the weights in hex digits."""
        ...

    def restore(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        """Returns one redrawn face for each crop.

        Args:
            crops: FFHQ-aligned, cleaned crops (B, 3, 512, 512) in [0, 1].
            resolutions: effective resolution of each crop in px, see ``Evidence``.
        """
        ...


def feature_size(resolution: float) -> int:
    """Returns the side in px of the generator's features that are changed for a face of this effective resolution."""
    return 128 if resolution > _FINE else 64


def misfit(error: float, contrast: float) -> float:
    """Returns a mean squared error at 32 px relative to its thresholds, see ``DrawnFace.misfit``."""
    return min(error / _LARGE_ERROR, error / max(_LARGE_SHARE * contrast, 1e-9))


def at_size(face: DrawnFace, size: int) -> Tensor:
    """Returns the redrawn face downscaled to ``size`` px; a face that is no larger is returned unchanged."""
    if face.image.shape[-1] <= size:
        return face.image
    return F.interpolate(face.image, (size, size), mode="area")
