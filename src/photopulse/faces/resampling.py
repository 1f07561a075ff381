"""Reading a picture along an affine map: antialiased where it shrinks, cubic where it grows.

Points are (x, y) in pixels, counted from the centre of the top left pixel.
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
ROWS_AT_ONCE = 64
# Antialiased shrinking looks this many target pixels around.
MARGIN = 2


def read_affine(picture: Tensor, to_picture: Points, shape: tuple[int, int], *, beyond: Beyond) -> Tensor:
    """Reads ``shape`` = (height, width) pixels out of a picture (1, C, H, W), in any value range.

    Three steps, of which enlarging needs only the second: whole blocks of pixels are averaged as long as twice the
    wanted resolution remains, the map is read by cubic convolution (Keys 1981) at that finer resolution, and an
    antialiased cubic filter takes it to the wanted one. A linear ramp comes out exactly. Coordinates are never
    rounded to fractions of a pixel, as OpenCV's warps do.

    Args:
        picture: any floating point type and device; float16 is computed in float32.
        to_picture: a rotation, scaling and shift (2, 3) from pixels of the result to pixels of the picture.
        shape: of the result.
        beyond: what lies outside of the picture: its mirror image, or nothing.

    Returns:
        (1, C, height, width), dtype and device of the picture.

    Raises:
        ValueError: if the pixels to read are all outside of the picture.
    """
    values = picture.to(torch.promote_types(picture.dtype, torch.float32))
    scale = float(np.hypot(*to_picture[:, 0]))
    blocks = math.floor(scale / 2)
    if blocks > 1:
        values, to_picture = _averaged(values, to_picture, shape, blocks)
        scale /= blocks
    # A scale of 1 that is 1.0000001 by rounding asks for no filter.
    fine = math.ceil(scale - 1e-6)
    if fine <= 1:
        return _read(values, to_picture, shape, beyond).to(picture.dtype)
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
    """Averages blocks of pixels of the part that is read; the matrix then leads to the blocks."""
    low, high = bounds(matrix, shape)
    # Cubic reading and the last filter look beyond the target.
    border = blocks * 2 + math.ceil(float(np.abs(matrix[:, :2]).sum(axis=1).max()) * MARGIN)
    limits = np.array([picture.shape[3], picture.shape[2]])
    start = np.maximum(np.floor(low).astype(int) - border, 0)
    stop = np.minimum(np.ceil(high).astype(int) + border, limits)
    if (start >= stop).any():
        raise ValueError("the square lies outside of the photo")
    piece = picture[..., start[1] : stop[1], start[0] : stop[0]]
    missing = [int(-length % blocks) for length in stop - start]
    piece = functional.pad(piece, (0, missing[0], 0, missing[1]), mode="replicate")
    local = matrix.copy()
    local[:, 2] -= start
    local /= blocks
    local[:, 2] += (1 / blocks - 1) / 2
    return functional.avg_pool2d(piece, blocks), local


def _read(picture: Tensor, matrix: Points, shape: tuple[int, int], beyond: Beyond) -> Tensor:
    """Reads by cubic convolution, some rows at a time, because coordinates and weights take more than the result."""
    height, width = shape
    (right_x, down_x, left), (right_y, down_y, top) = matrix.tolist()
    result = picture.new_empty(1, picture.shape[1], height, width)
    x = torch.arange(width, device=picture.device, dtype=picture.dtype)
    for start in range(0, height, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, height)
        y = torch.arange(start, stop, device=picture.device, dtype=picture.dtype)[:, None]
        rows = _cubic_taps(x * right_y + (y * down_y + top), picture.shape[2])
        columns = _cubic_taps(x * right_x + (y * down_x + left), picture.shape[3])
        part = result[:, :, start:stop].zero_()
        for (row, row_weight), (column, column_weight) in product(rows, columns):
            grid = torch.stack([column, row], dim=-1)[None]
            read = functional.grid_sample(picture, grid, mode="bilinear", padding_mode=beyond, align_corners=False)
            part.addcmul_(read, row_weight * column_weight)
    return result


def _cubic_taps(place: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Splits a cubic reading of one axis into three linear ones: where, in torch's -1 to 1, and how much.

    Keys' kernel with a = -1/2 on the pixels -1, 0, 1, 2 around. The middle two are one linear reading between them,
    because both weights are positive. torch's own bicubic reading has a = -3/4, which bends linear ramps.
    """
    pixel = place.floor()
    t = place - pixel
    before = t * (t * (1 - t / 2) - 0.5)
    after = t * t * (t / 2 - 0.5)
    first = 1 + t * t * (1.5 * t - 2.5)
    middle = 1 - before - after
    taps = ((pixel - 1, before), (pixel + (middle - first) / middle, middle), (pixel + 2, after))
    return [((2 * tap + 1) / length - 1, weight) for tap, weight in taps]
