"""Compares a result with the original and the input: the measures that need networks or both pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photopulse.faces.detect import FaceDetector
from photopulse.faces.skin_tone import mean_skin_tone
from photopulse.fingerprint import weights_hash
from photopulse.metrics.consistency import downscale_mse
from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.identity import Embedding, IdentityNet, load_identity
from photopulse.metrics.lpips import LPIPS, SMALLEST_SIDE, load_lpips
from photopulse.metrics.perceptual import perceptual_distance


@dataclass(frozen=True, kw_only=True)
class Networks:
    """Networks of the measures; where one is None, the measures that need it are left out.

    Attributes:
        features: EfficientNet-Lite0, for the perceptual distance and the distances between sets.
        identity: face recognition network, for the similarity of identities.
        lpips: AlexNet, for LPIPS.
        detector: face detector, for its confidence and for the region of skin.
    """

    features: EfficientNetLite0 | None = None
    identity: IdentityNet | None = None
    lpips: LPIPS | None = None
    detector: FaceDetector | None = None

    @classmethod
    def load(cls, *, perceptual: bool, identity: bool, faces: bool, lpips: Path | None = None) -> Self:
        """Loads the chosen networks, and downloads missing weights; ``lpips`` is the file of AlexNet.

        Raises:
            PhotopulseError: if one of them cannot be loaded.
        """
        return cls(
            features=load_features() if perceptual else None,
            identity=load_identity() if identity else None,
            lpips=load_lpips(lpips) if lpips is not None else None,
            detector=FaceDetector.load() if faces else None,
        )

    def fingerprint(self) -> str:
        """Returns what changes when other things are measured."""
        wanted = self.features is not None, self.identity is not None, self.detector is not None
        return f"{wanted} {weights_hash(self.lpips)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Consistency:
    """What the comparison of a result with its input needs.

    Attributes:
        result: complete result, (1, 3, n, n) in [0, 1].
        small: the input, a small face (1, 3, h, h) in [0, 1].
        degrade: downscales the result to h x h px.
        skin: share of skin in each pixel (h, h) of the input, in [0, 1]; None if its tone cannot be measured.
    """

    result: Tensor
    small: Tensor
    degrade: Callable[[Tensor], Tensor]
    skin: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A result, or a part of it, at the size at which it is measured, and the pictures with which it is compared.

    Attributes:
        image: result, (1, 3, H, W) in [0, 1].
        sharp: original, of the same shape; None if the result is the original itself.
        networks: networks of the measures.
        consistency: comparison with the input; None for a restored photo, because its damage cannot be repeated.
        aligned: faces of the result and of the original, each (1, 3, S, S), aligned for the identity network; None if
            there is no face or no original.
    """

    image: Tensor
    sharp: Tensor | None
    networks: Networks
    consistency: Consistency | None = None
    aligned: tuple[Tensor, Tensor] | None = None

    @cached_property
    def embeddings(self) -> tuple[Embedding, Embedding] | None:
        """Identity embeddings of the two aligned faces; None if there are no faces or no identity network."""
        if self.aligned is None or self.networks.identity is None:
            return None
        image, sharp = self.aligned
        return self.networks.identity.embed(image), self.networks.identity.embed(sharp)


def against_sharp(metric: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Comparison], Tensor | None]:
    """Returns a measure that applies ``metric`` to the result and the original, both (1, 3, H, W)."""
    return lambda seen: None if seen.sharp is None else metric(seen.image, seen.sharp)


def of_faces(metric: Callable[[Embedding, Embedding], float]) -> Callable[[Comparison], float | None]:
    """Returns a measure that applies ``metric`` to the embeddings of the result's and the original's face."""
    return lambda seen: None if seen.embeddings is None else metric(*seen.embeddings)


def consistency(seen: Comparison) -> Tensor | None:
    """Computes the mean squared error between the downscaled result and the input, see ``downscale_mse``."""
    told = seen.consistency
    return None if told is None else downscale_mse(told.result, told.small, told.degrade)


def perceptual(seen: Comparison) -> Tensor | None:
    """Computes the perceptual distance to the original."""
    net = seen.networks.features
    return None if net is None or seen.sharp is None else perceptual_distance(net, seen.image, seen.sharp)


def lpips(seen: Comparison) -> Tensor | None:
    """Computes LPIPS to the original; None if the pictures are too small."""
    net = seen.networks.lpips
    if net is None or seen.sharp is None or min(seen.image.shape[2:]) < SMALLEST_SIDE:
        return None
    return net(seen.image, seen.sharp)


def confidence(seen: Comparison) -> float | None:
    """Returns the highest confidence of the face detector, in [0, 1]; 0 if it finds no face."""
    detector = seen.networks.detector
    return None if detector is None else max((face.score for face in detector.detect(seen.image)), default=0.0)


def skin_shift(seen: Comparison) -> float | None:
    """Computes how many degrees lighter the skin of the downscaled result is than the input's.

    As in the audit, it is the change of the individual typology angle (ITA) of the mean colour over the same pixels,
    weighted by their share of skin.
    """
    told = seen.consistency
    if told is None or told.skin is None:
        return None
    before, after = (mean_skin_tone(face, told.skin).ita for face in (told.small, told.degrade(told.result)))
    return after - before


def features(seen: Comparison) -> list[float]:
    """Returns the 1280 features of EfficientNet-Lite0, rounded to four decimals; an empty list without the network."""
    net = seen.networks.features
    return [] if net is None else net.pooled(seen.image)[0].double().numpy().round(4).tolist()
