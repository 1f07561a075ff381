"""Resamples a picture along an affine map: antialiased where it becomes smaller, cubic where it becomes larger.

Points are (x, y) in pixels; (0, 0) is the centre of the top left pixel.
"""

import math
from itertools import product
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from photopulse.faces.blazeface import Points

Beyond = Literal["reflection", "zeros"]
# Rows of the result that are computed at a time, to bound memory.
ROWS_AT_ONCE = 64
# The antialiased cubic filter reaches this many pixels of the result.
MARGIN = 2


def read_affine(picture: Tensor, to_picture: Points, shape: tuple[int, int], *, beyond: Beyond) -> Tensor:
    """Reads ``shape`` = (height, width) pixels out of a picture (1, C, H, W), in any value range.

    Downscaling has three steps: whole blocks of pixels are averaged as long as twice the wanted resolution remains,
    the map is read at that finer resolution by cubic convolution (Keys 1981), and an antialiased cubic filter reduces
    the result to the wanted resolution. Enlarging needs only the second step. Linear ramps are reproduced exactly.
    Unlike OpenCV's warps, no coordinate is rounded to a fraction of a pixel.

    Args:
        picture: any floating point type and device; float16 is computed in float32.
        to_picture: a rotation, scaling and shift (2, 3) from pixels of the result to pixels of the picture.
        shape: height and width of the result.
        beyond: what is read outside the picture: its mirror image, or 0.

    Returns:
        (1, C, height, width), with the dtype and device of the picture.

    Raises:
        ValueError: if block averages are needed and all pixels to read lie outside the picture.
    """
    # Average whole blocks.
    values = picture.to(torch.promote_types(picture.dtype, torch.float32))
    scale = float(np.hypot(*to_picture[:, 0]))
    blocks = math.floor(scale / 2)
    if blocks > 1:
        values, to_picture = _averaged(values, to_picture, shape, blocks)
        scale /= blocks
    # Read at the wanted resolution if that is fine enough; a scale of 1.0000001 is a rounded 1 and needs no filter.
    fine = math.ceil(scale - 1e-6)
    if fine <= 1:
        return _read(values, to_picture, shape, beyond).to(picture.dtype)
    # Else read at a finer resolution, with a margin for the filter, and filter down.
    height, width = (length + 2 * MARGIN for length in shape)
    finer = to_picture.copy()
    finer[:, :2] /= fine
    finer[:, 2] -= to_picture[:, :2] @ np.full(2, MARGIN) + finer[:, :2] @ np.full(2, (fine - 1) / 2)
    values = _read(values, finer, (height * fine, width * fine), beyond)
    values = functional.interpolate(values, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return values[..., MARGIN:-MARGIN, MARGIN:-MARGIN].to(picture.dtype)


def bounds(matrix: Points, shape: tuple[int, int]) -> tuple[Points, Points]:
    """Computes the least and the greatest x, y that ``shape`` = (height, width) pixels cover after an affine map."""
    right, bottom = shape[1] - 0.5, shape[0] - 0.5
    corners = np.array([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)])
    mapped = corners @ matrix[:, :2].T + matrix[:, 2]
    return mapped.min(axis=0), mapped.max(axis=0)


def _averaged(picture: Tensor, matrix: Points, shape: tuple[int, int], blocks: int) -> tuple[Tensor, Points]:
    """Averages blocks of the part that is read; returns the averages and the matrix that leads to them."""
    # The part that is read, with the reach of the cubic interpolation and of the last filter.
    low, high = bounds(matrix, shape)
    # Cubic reading and the last filter look beyond the target.
    border = blocks * 2 + math.ceil(float(np.abs(matrix[:, :2]).sum(axis=1).max()) * MARGIN)
    limits = np.array([picture.shape[3], picture.shape[2]])
    start = np.maximum(np.floor(low).astype(int) - border, 0)
    stop = np.minimum(np.ceil(high).astype(int) + border, limits)
    if (start >= stop).any():
        raise ValueError("the square lies outside of the photo")
    # Whole blocks of it, with the last row and column repeated.
    piece = picture[..., start[1] : stop[1], start[0] : stop[0]]
    missing = [int(-length % blocks) for length in stop - start]
    piece = functional.pad(piece, (0, missing[0], 0, missing[1]), mode="replicate")
    # The same map, into the block averages.
    local = matrix.copy()
    local[:, 2] -= start
    local /= blocks
    local[:, 2] += (1 / blocks - 1) / 2
    return functional.avg_pool2d(piece, blocks), local


def _read(picture: Tensor, matrix: Points, shape: tuple[int, int], beyond: Beyond) -> Tensor:
    """Interpolates by cubic convolution, some rows at a time: coordinates and weights need more memory than pixels."""
    height, width = shape
    (right_x, down_x, left), (right_y, down_y, top) = matrix.tolist()
    result = picture.new_empty(1, picture.shape[1], height, width)
    x = torch.arange(width, device=picture.device, dtype=picture.dtype)
    for start in range(0, height, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, height)
        y = torch.arange(start, stop, device=picture.device, dtype=picture.dtype)[:, None]
        # Each axis is three weighted linear samples, so a pixel is the sum of nine bilinear ones.
        rows = _cubic_taps(x * right_y + (y * down_y + top), picture.shape[2])
        columns = _cubic_taps(x * right_x + (y * down_x + left), picture.shape[3])
        part = result[:, :, start:stop].zero_()
        for (row, row_weight), (column, column_weight) in product(rows, columns):
            grid = torch.stack([column, row], dim=-1)[None]
            read = functional.grid_sample(picture, grid, mode="bilinear", padding_mode=beyond, align_corners=False)
            part.addcmul_(read, row_weight * column_weight)
    return result


def _cubic_taps(place: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Splits cubic interpolation along one axis into three linear samples: positions in [-1, 1], and weights.

    Keys' kernel with a = -1/2 weighs the pixels at -1, 0, 1 and 2. The middle two have positive weights, so one linear
    sample between them serves for both. torch's own bicubic interpolation has a = -3/4, which bends linear ramps.
    """
    pixel = place.floor()
    t = place - pixel
    before = t * (t * (1 - t / 2) - 0.5)
    after = t * t * (t / 2 - 0.5)
    first = 1 + t * t * (1.5 * t - 2.5)
    middle = 1 - before - after
    taps = ((pixel - 1, before), (pixel + (middle - first) / middle, middle), (pixel + 2, after))
    return [((2 * tap + 1) / length - 1, weight) for tap, weight in taps]
