"""Applies a network to a large picture in overlapping tiles, so that memory is bounded."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class _Window(NamedTuple):
    """One axis of a tile: the network's input is [start, stop), of which the result for [first, last) is kept."""

    start: int
    stop: int
    first: int
    last: int


def in_tiles(call: Callable[[Tensor], Tensor], image: Tensor, *, tile: int, overlap: int) -> Tensor:
    """Computes ``call(image)`` by calling ``call`` on parts of at most ``tile`` x ``tile`` pixels.

    Every pixel of the result is computed with ``overlap`` pixels of context, or the picture's own edge, on each side.
    So the result is exact if no output pixel depends on input that is more than ``overlap`` pixels away.

    Args:
        call: maps (B, C, H, W) to (B, C', sH, sW), with the same integer s >= 1 for every size.
        image: (B, C, H, W).
        tile: height and width of a tile, more than twice ``overlap``. A picture no larger than this is one tile.
        overlap: pixels of context.

    Returns:
        (B, C', sH, sW).

    Raises:
        ValueError: if ``tile`` is too small for ``overlap``, the image is empty, or ``call`` does not enlarge by an
            integer.
    """
    if overlap < 0 or tile <= 2 * overlap:
        raise ValueError(f"a tile of {tile} pixels has no middle with {overlap} pixels of context on each side")
    # Apply the network tile by tile, and keep the middle of each result.
    height, width = image.shape[2:]
    rows, columns = _windows(height, tile, overlap), _windows(width, tile, overlap)
    result: Tensor | None = None
    for row in rows:
        for column in columns:
            part = call(image[..., row.start : row.stop, column.start : column.stop])
            scale = _scale(part, row, column)
            if result is None:
                result = part.new_empty(*part.shape[:2], scale * height, scale * width)
            kept = part[..., _inner(row, scale), _inner(column, scale)]
            result[..., _outer(row, scale), _outer(column, scale)] = kept
    if result is None:
        raise ValueError(f"the image is empty: its shape is {tuple(image.shape)}")
    return result


def _windows(size: int, tile: int, overlap: int) -> list[_Window]:
    """Splits an axis into the least number of equal tiles; neighbours share 2 x ``overlap`` pixels."""
    count = max(1, -(-(size - 2 * overlap) // (tile - 2 * overlap)))
    middle = max(size - 2 * overlap, 0)
    edges = [overlap + i * middle // count for i in range(1, count)]
    starts, stops = [0, *(edge - overlap for edge in edges)], [*(edge + overlap for edge in edges), size]
    return [_Window(*window) for window in zip(starts, stops, [0, *edges], [*edges, size], strict=True)]


def _scale(part: Tensor, row: _Window, column: _Window) -> int:
    """Returns the factor by which the network enlarged a tile; ValueError if it is no integer from 1 on."""
    height, width = row.stop - row.start, column.stop - column.start
    scale = part.shape[2] // max(height, 1)
    if scale < 1 or part.shape[2:] != torch.Size((scale * height, scale * width)):
        raise ValueError(f"{height} x {width} pixels became {part.shape[2]} x {part.shape[3]}")
    return scale


def _inner(window: _Window, scale: int) -> slice:
    return slice(scale * (window.first - window.start), scale * (window.last - window.start))


def _outer(window: _Window, scale: int) -> slice:
    return slice(scale * window.first, scale * window.last)
