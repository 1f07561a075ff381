"""Bilinear enlargement of a picture, computed for one window of the result only."""

import torch
from torch import Tensor


def enlarge_window(image: Tensor, size: tuple[int, int], rows: range, columns: range) -> Tensor:
    """Computes the given rows and columns of a bilinear enlargement.

    Pixel centres keep their places (``align_corners=False``). Each axis is one small matrix product, which is
    independent of the window up to rounding, has an exact gradient, and is faster than gathering four neighbours.

    Args:
        image: (B, C, h, w).
        size: height and width (H, W) of the whole enlargement, H >= h and W >= w in any ratio.
        rows: rows of the enlargement, within [0, H), not empty, with step 1.
        columns: columns of the enlargement, within [0, W), likewise.

    Returns:
        (B, C, len(rows), len(columns)), with the image's dtype and device.
    """
    # In low precision, neighbouring values of a smooth ramp would be rounded to the same number.
    with torch.autocast(image.device.type, enabled=False):
        first_row, down = _weights(image.shape[2], size[0], rows)
        first_column, across = _weights(image.shape[3], size[1], columns)
        seen = image[..., first_row : first_row + down.shape[1], first_column : first_column + across.shape[1]]
        return down.to(seen) @ (seen @ across.T.to(seen))


def _weights(small: int, large: int, window: range) -> tuple[int, Tensor]:
    """Returns the first input pixel of a window, and the matrix (len(window), input pixels) of weights, float64."""
    middles = (torch.arange(window.start, window.stop, dtype=torch.float64) + 0.5) * (small / large) - 0.5
    middles = middles.clamp(0, small - 1)
    first, last = int(middles[0]), min(int(middles[-1]) + 1, small - 1)
    pixels = torch.arange(first, last + 1, dtype=torch.float64)
    return first, (1 - (middles[:, None] - pixels).abs()).clamp(min=0)
