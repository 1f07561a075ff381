"""The methods that everything else is compared with: interpolation between the pixels at hand."""

import time
from dataclasses import dataclass

import numpy as np
import PIL
from PIL import Image
from torch import Tensor

from photopulse.evaluation.method import Enlarged
from photopulse.images import from_uint8, to_uint8

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, kw_only=True)
class Interpolated:
    """Enlarges as Pillow does, in 8 bits, straight to the size wanted.

    Its bicubic filter is Keys' (1981) with a = -1/2, as MATLAB's ``imresize``, on which the papers stand; torch's
    and OpenCV's own, with a = -3/4, is sharper and rings more.
    """

    name: str

    def native_size(self, small: int, size: int) -> int | None:
        """Returns ``size``, unless that is smaller than the input."""
        return size if size >= small else None

    def fingerprint(self) -> str:
        """Returns the name of the filter and the version of Pillow."""
        return f"{self.name} of Pillow {PIL.__version__}"

    def __call__(self, small: Tensor, size: int, seed: int) -> Enlarged:  # noqa: ARG002
        """Enlarges (1, 3, h, h) in [0, 1]; nothing is random."""
        picture = Image.fromarray(to_uint8(small))
        started = time.perf_counter()
        large = picture.resize((size, size), FILTERS[self.name])
        seconds = time.perf_counter() - started
        return Enlarged(image=from_uint8(np.asarray(large)), seconds=seconds)
