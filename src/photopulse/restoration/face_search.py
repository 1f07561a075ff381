"""Redraws damaged faces by inverting the generator of ``upscale``, which renders a sharp face that fits each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.fingerprint import weights_hash
from photopulse.generators.files.load import load_generator
from photopulse.restoration.evidence import blur_of, measure_evidence
from photopulse.search.inversion import invert
from photopulse.search.kit import SearchKit

CROP_SIZE: Final = 512
"""Height and width of the crops that are restored."""

_FINE: Final = 90.0  # Faces of a higher effective resolution are compared at 128 px, others at 64 px.
# Chosen by eye on diverse faces with strong damage: sunglasses, hands and false detections lie above both thresholds.
_LARGE_ERROR: Final = 0.0035
_LARGE_SHARE: Final = 0.15
_SHARP: Final = 128.0  # From this effective resolution on, a cleaned face needs no deblurring.
_FACES_AT_ONCE: Final = 2  # Larger batches are no faster on a CPU, and take more memory.


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


class FaceSearch:
    """Redraws faces by inverting a generator.

    Args:
        kit: search kit of a generator of FFHQ-aligned faces.
    """

    def __init__(self, kit: SearchKit) -> None:
        self._kit = kit

    @classmethod
    def load(cls, device: str | torch.device = "cpu") -> Self:
        """Loads the default generator, which is downloaded at its first use."""
        return cls(SearchKit.find(load_generator(device=device)))

    @property
    def fingerprint(self) -> str:
        """Returns a hash of the weights of the generator and its style encoder, and of its Gaussian."""
        digest = hashlib.sha256((weights_hash(self._kit.generator) + weights_hash(self._kit.encoder)).encode())
        for values in (self._kit.prior.mean, self._kit.prior.std):
            digest.update(values.cpu().numpy().tobytes())
        return digest.hexdigest()

    def restore(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        """Returns one redrawn face for each crop, see ``FaceRestorer``; the results are deterministic."""
        drawn: dict[int, DrawnFace] = {}
        sizes = [128 if resolution > _FINE else 64 for resolution in resolutions]
        with keep_freed_memory():
            for size in sorted(set(sizes)):
                places = [place for place, wanted in enumerate(sizes) if wanted == size]
                for start in range(0, len(places), _FACES_AT_ONCE):
                    some = places[start : start + _FACES_AT_ONCE]
                    drawn |= zip(some, self._draw(crops[some], size), strict=True)
        return [drawn[place] for place in range(len(crops))]

    def _draw(self, crops: Tensor, feature_size: int) -> list[DrawnFace]:
        device = self._kit.generator.device
        blur = torch.tensor([_left_blur(crop[None]) for crop in crops], device=device)
        found = invert(crops.to(device), blur, self._kit, feature_size=feature_size)
        return [
            DrawnFace(image=image[None].clamp(0, 1).cpu(), misfit=_misfit(error.item(), contrast.item()))
            for image, error, contrast in zip(found.image, found.style_error, found.contrast, strict=True)
        ]


def _misfit(error: float, contrast: float) -> float:
    return min(error / _LARGE_ERROR, error / max(_LARGE_SHARE * contrast, 1e-9))


def _left_blur(crop: Tensor) -> float:
    """Returns the deviation of the Gaussian blur that cleaning has left in a crop, relative to the crop's side."""
    side = crop.shape[-1]
    resolution = measure_evidence(crop, pixels=side).effective_resolution
    return 0.0 if resolution >= _SHARP else blur_of(resolution, side) / side


def at_size(face: DrawnFace, size: int) -> Tensor:
    """Returns the redrawn face downscaled to ``size`` px; a face that is no larger is returned unchanged."""
    if face.image.shape[-1] <= size:
        return face.image
    return F.interpolate(face.image, (size, size), mode="area")
