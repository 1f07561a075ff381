"""Replaces the invisible colours of transparent pixels, which filters and networks would mix into visible ones."""

from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_VISIBLE: Final = 0.02


def with_visible_colours(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Gives each transparent pixel the colour of the nearest visible pixel.

    Args:
        pixels: (1, 3, H, W).
        alpha: opacity (1, 1, H, W) in [0, 1].

    Returns:
        (1, 3, H, W); ``pixels`` itself if all pixels are visible, or none.
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
