"""A result beside all that it is measured against, and what is measured of both."""

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
    """The networks that measure; None leaves out what needs the network.

    Attributes:
        features: for the perceptual distance and the features of the set.
        identity: for the likeness of the person.
        lpips: for LPIPS.
        detector: for the confidence that there is a face, and for where skin is.
    """

    features: EfficientNetLite0 | None = None
    identity: IdentityNet | None = None
    lpips: LPIPS | None = None
    detector: FaceDetector | None = None

    @classmethod
    def load(cls, *, perceptual: bool, identity: bool, faces: bool, lpips: Path | None = None) -> Self:
        """Loads those that are wanted, fetched the first time; ``lpips`` is AlexNet's file.

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
    """How a result is compared with the small face that it was made from.

    Attributes:
        result: the whole result (1, 3, n, n).
        small: the small face (1, 3, h, h).
        degrade: makes the result as small as that.
        skin: how much of each pixel (h, h) of the small face is skin; None where its tone cannot be measured.
    """

    result: Tensor
    small: Tensor
    degrade: Callable[[Tensor], Tensor]
    skin: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A result, or a part of it, at the size at which it is measured.

    Attributes:
        image: (1, 3, H, W) in [0, 1].
        sharp: the same of the sharp picture; None where the result is the sharp picture itself.
        networks: that measure.
        consistency: with the small face; None for a restored photo, whose damage cannot be repeated.
        aligned: the face of the image and of the sharp picture, each (1, 3, S, S), as the identity network wants them;
            None where the picture has no face or nothing to compare with.
    """

    image: Tensor
    sharp: Tensor | None
    networks: Networks
    consistency: Consistency | None = None
    aligned: tuple[Tensor, Tensor] | None = None

    @cached_property
    def embeddings(self) -> tuple[Embedding, Embedding] | None:
        """Of the two faces; None where there are none, or they are not to be compared."""
        if self.aligned is None or self.networks.identity is None:
            return None
        image, sharp = self.aligned
        return self.networks.identity.embed(image), self.networks.identity.embed(sharp)


def against_sharp(metric: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Comparison], Tensor | None]:
    """Makes a measure of a metric of the result and the sharp picture, both (1, 3, H, W)."""
    return lambda seen: None if seen.sharp is None else metric(seen.image, seen.sharp)


def of_faces(metric: Callable[[Embedding, Embedding], float]) -> Callable[[Comparison], float | None]:
    """Makes a measure of a metric of the embeddings of the result's face and of the sharp one."""
    return lambda seen: None if seen.embeddings is None else metric(*seen.embeddings)


def consistency(seen: Comparison) -> Tensor | None:
    """Measures how far the result made small is from the small face, see ``downscale_mse``."""
    told = seen.consistency
    return None if told is None else downscale_mse(told.result, told.small, told.degrade)


def perceptual(seen: Comparison) -> Tensor | None:
    """Measures the perceptual distance to the sharp picture."""
    net = seen.networks.features
    return None if net is None or seen.sharp is None else perceptual_distance(net, seen.image, seen.sharp)


def lpips(seen: Comparison) -> Tensor | None:
    """Measures LPIPS to the sharp picture, if both are large enough."""
    net = seen.networks.lpips
    if net is None or seen.sharp is None or min(seen.image.shape[2:]) < SMALLEST_SIDE:
        return None
    return net(seen.image, seen.sharp)


def confidence(seen: Comparison) -> float | None:
    """Returns the score of the surest face, up to 1; 0 where no face is found."""
    detector = seen.networks.detector
    return None if detector is None else max((face.score for face in detector.detect(seen.image)), default=0.0)


def skin_shift(seen: Comparison) -> float | None:
    """Computes how many degrees lighter the skin of the downscaled result is than the input's.

    The shift is that of the audit: of the individual typology angle of the mean colour over the same pixels, each
    weighted by how much of it is skin.
    """
    told = seen.consistency
    if told is None or told.skin is None:
        return None
    before, after = (mean_skin_tone(face, told.skin).ita for face in (told.small, told.degrade(told.result)))
    return after - before


def features(seen: Comparison) -> list[float]:
    """Returns the features of EfficientNet-Lite0 (1280) to four decimals; none without the network."""
    net = seen.networks.features
    return [] if net is None else net.pooled(seen.image)[0].double().numpy().round(4).tolist()
