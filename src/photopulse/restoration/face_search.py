"""Redraws damaged faces by inverting the generator of ``upscale``, which renders a sharp face that fits each."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, Self

import torch
from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.faces.evidence import blur_of, measure_evidence
from photopulse.fingerprint import weights_hash
from photopulse.generators.files.load import load_generator
from photopulse.networks.face_features import FaceFeatureNet
from photopulse.networks.shipped import FACE_SIZES, load_face_net
from photopulse.restoration.face_restorer import DrawnFace, feature_size, misfit
from photopulse.search.inversion import invert
from photopulse.search.kit import SearchKit

_SHARP: Final = 128.0  # From this effective resolution on, a cleaned face needs no deblurring.
_TWINS: Final = (16, 32, 64, 128)  # Sizes in px of the twins that an inversion uses.
_FACES_AT_ONCE: Final = 2  # Larger batches are no faster on a CPU, and take more memory.


class FaceSearch:
    """Redraws faces by inverting a generator.

    Args:
        kit: search kit of a generator of FFHQ-aligned faces.
        networks: face networks by the size of the features in px that they change; others are optimised.
    """

    def __init__(self, kit: SearchKit, networks: Mapping[int, FaceFeatureNet]) -> None:
        self._kit = kit
        self._networks = networks

    @classmethod
    def load(cls, device: str | torch.device = "cpu") -> Self:
        """Loads the default generator, which is downloaded at its first use, and its face networks."""
        kit = SearchKit.find(load_generator(device=device))
        return cls(kit, {size: load_face_net(size, device) for size in FACE_SIZES})

    @property
    def fingerprint(self) -> str:
        """Returns a hash of all weights: generator, encoder, twins and face networks; and of the Gaussian."""
        twins = (self._kit.twin(size) for size in _TWINS)
        tails = (twin.tail for twin in twins if twin is not None)
        networks = (self._kit.generator, self._kit.encoder, *tails, *self._networks.values())
        digest = hashlib.sha256("".join(map(weights_hash, networks)).encode())
        for values in (self._kit.prior.mean, self._kit.prior.std):
            digest.update(values.cpu().numpy().tobytes())
        return digest.hexdigest()

    def restore(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        """Returns one redrawn face for each crop, see ``FaceRestorer``; the results are deterministic."""
        drawn: dict[int, DrawnFace] = {}
        sizes = [feature_size(resolution) for resolution in resolutions]
        with keep_freed_memory():
            for size in sorted(set(sizes)):
                places = [place for place, wanted in enumerate(sizes) if wanted == size]
                for start in range(0, len(places), _FACES_AT_ONCE):
                    some = places[start : start + _FACES_AT_ONCE]
                    drawn |= zip(some, self._draw(crops[some], size), strict=True)
        return [drawn[place] for place in range(len(crops))]

    def _draw(self, crops: Tensor, size: int) -> list[DrawnFace]:
        device = self._kit.generator.device
        blur = torch.tensor([_left_blur(crop[None]) for crop in crops], device=device)
        found = invert(crops.to(device), blur, self._kit, feature_size=size, change=self._networks.get(size))
        return [
            DrawnFace(image=image[None].clamp(0, 1).cpu(), misfit=misfit(error.item(), contrast.item()))
            for image, error, contrast in zip(found.image, found.style_error, found.contrast, strict=True)
        ]


def _left_blur(crop: Tensor) -> float:
    """Returns the deviation of the Gaussian blur that cleaning has left in a crop, relative to the crop's side."""
    side = crop.shape[-1]
    resolution = measure_evidence(crop, pixels=side).effective_resolution
    return 0.0 if resolution >= _SHARP else blur_of(resolution, side) / side
