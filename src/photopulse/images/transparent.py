"""Colours where a picture is transparent: they cannot be seen, but filters and networks mix them into what can."""

from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_VISIBLE: Final = 0.02


def with_visible_colours(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Gives what is transparent the colour of the nearest pixel that can be seen.

    Args:
        pixels: (1, 3, H, W).
        alpha: opacity (1, 1, H, W) in [0, 1].
    """
    hidden = (alpha[0, 0] < _VISIBLE).cpu().numpy()
    if not hidden.any() or hidden.all():
        return pixels
    from scipy import ndimage  # Loads slowly, and few pictures are transparent.

    nearest = cast(
        NDArray[np.int64],
        ndimage.distance_transform_edt(hidden, return_distances=False, return_indices=True),  # pyright: ignore[reportUnknownMemberType]
    )
    rows, columns = (torch.from_numpy(np.ascontiguousarray(place)).long() for place in nearest)
    return pixels[:, :, rows, columns]
