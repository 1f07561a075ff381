"""Computes every measure of the table for one view of a result."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade import Bicubic, make_degradation
from photopulse.evaluation.comparison import Comparison, Consistency, Networks
from photopulse.evaluation.measure import Value
from photopulse.evaluation.measures import MEASURES
from photopulse.evaluation.places import FacePlace

SMALLEST_SIZE = 11
"""Smallest side in px of pictures that can be measured: that of SSIM's window."""


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Measures results.

    Attributes:
        degradation: name of the degradation that made the small faces.
        networks: networks of the measures.
    """

    degradation: str = "bicubic"
    networks: Networks = field(default_factory=Networks)

    def fingerprint(self) -> str:
        """Returns a text that changes whenever the measured values may change."""
        return f"{self.degradation} {self.networks.fingerprint()}"

    def face(
        self,
        image: Tensor,
        *,
        small: Tensor,
        sharp: Tensor | None,
        size: int,
        skin: NDArray[np.float64] | None = None,
    ) -> dict[str, Value | None]:
        """Measures an aligned face (1, 3, n, n) in [0, 1] at ``size`` px, to which it and the original are downscaled.

        Only consistency and shift of the skin tone, which compare with the input ``small`` (1, 3, h, h), are measured
        on the full face after the input's degradation. If ``sharp`` is None, the face is the original itself, and
        measures that compare with an original are None. ``skin`` (h, h) is the share of skin in each pixel, see
        ``skin_coverage``; without it the shift is None.
        """
        degrade = make_degradation(self.degradation, factor=image.shape[-1] // small.shape[-1])
        shown, reference = at_size(image, size), None if sharp is None else at_size(sharp, size)
        return measured(
            Comparison(
                image=shown,
                sharp=reference,
                networks=self.networks,
                consistency=Consistency(result=image, small=small, degrade=degrade, skin=skin),
                aligned=None if reference is None else (shown, reference),
            )
        )

    def photo(self, image: Tensor, *, sharp: Tensor | None, face: FacePlace | None) -> dict[str, Value | None]:
        """Measures a photo (1, 3, H, W) in [0, 1] in its own size: its ``face``, or the whole photo if that is None.

        If ``sharp`` is None, the photo is the original itself, and measures that compare with an original are None.
        """
        if face is None:
            return measured(Comparison(image=image, sharp=sharp, networks=self.networks))
        return measured(
            Comparison(
                image=face.cut(image),
                sharp=None if sharp is None else face.cut(sharp),
                networks=self.networks,
                aligned=None if sharp is None else (face.align(image), face.align(sharp)),
            )
        )


@torch.no_grad()
def measured(seen: Comparison) -> dict[str, Value | None]:
    """Computes all measures, by name; the value is None if a measure does not apply or is not finite."""
    return {measure.name: _plain(measure.compute(seen)) for measure in MEASURES if measure.compute is not None}


def _plain(value: Tensor | Value | None) -> Value | None:
    if not isinstance(value, Tensor | float | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def at_size(image: Tensor, size: int) -> Tensor:
    """Downscales (1, 3, n, n) to ``size`` by the antialiased bicubic filter; n is a multiple of it."""
    return Bicubic(image.shape[-1] // size)(image).clamp(0, 1)
