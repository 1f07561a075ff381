"""All that is measured of one result: each measure of the table, on what the view of it shows."""

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
"""The least side of pictures that can be measured: that of SSIM's window."""


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Measures results.

    Attributes:
        degradation: name of the operator that made faces small.
        networks: that measure.
    """

    degradation: str = "bicubic"
    networks: Networks = field(default_factory=Networks)

    def fingerprint(self) -> str:
        """Returns what changes when other things are measured."""
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
        """Measures an aligned face (1, 3, n, n) in [0, 1] at ``size`` px, to which it and the sharp one are downscaled.

        Only what compares with ``small`` (1, 3, h, h), the consistency and the shift of the skin's tone, is that of
        the face as it is, through the operator that made the input small. Without ``sharp`` nothing is compared with
        it: the face is the sharp one. ``skin`` (h, h) says where the skin is, see ``skin_coverage``; without it there
        is no shift.
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
        """Measures a photo (1, 3, H, W) in [0, 1] in its own size: its ``face``, or the whole where that is None.

        Without ``sharp`` nothing is compared with it: the photo is the sharp one.
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
    """Computes all measures, by name; None is what does not apply, or is no finite number."""
    return {measure.name: _plain(measure.compute(seen)) for measure in MEASURES if measure.compute is not None}


def _plain(value: Tensor | Value | None) -> Value | None:
    if not isinstance(value, Tensor | float | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def at_size(image: Tensor, size: int) -> Tensor:
    """Downscales (1, 3, n, n) to ``size`` by the antialiased bicubic filter; n is a multiple of it."""
    return Bicubic(image.shape[-1] // size)(image).clamp(0, 1)
