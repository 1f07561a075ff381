"""Visible traces of pasting one picture into another: gradients at the border, and a shift of the mean colour."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from photopulse.metrics.luma import check_image, check_pair, luma

# Grey levels per pixel; smaller gradients are rounding errors of float32.
FLAT = 1e-3

Points = npt.NDArray[np.float64]


def border_gradient(image: Tensor, outline: Points) -> float:
    """Computes the mean magnitude of the gradient of luma along a closed line.

    If it is no larger than before pasting, there is no seam. It also grows if the pasted picture is sharper; see
    ``seam_gain``. The gradient is the central difference over two pixels, interpolated bilinearly, at points of the
    line at most half a pixel apart.

    Args:
        image: (1, 3, H, W), nominally [0, 1].
        outline: corners (N, 2) as x, y in px, counted from the centre of the top left pixel; the last one is joined
            to the first.

    Returns:
        Grey levels of BT.601 luma (16 to 235) per pixel. Parts of the line outside the image do not count.

    Raises:
        ValueError: if the image is not (1, 3, H, W), or no point of the line has all its neighbours in the image.
    """
    gradients, _ = _gradients(image, outline)
    return float(np.hypot(*gradients.T).mean())


def seam_gain(before: Tensor, after: Tensor, outline: Points) -> float:
    """Computes by which factor the gradients *across* a closed line grew more than those along it.

    Sharper detail makes the gradients in both directions grow; a seam runs along the line and makes only those across
    it grow. 1 is no seam; 1.1 is a tenth more.

    Args:
        before: (1, 3, H, W), nominally [0, 1], before pasting.
        after: the same shape, after pasting.
        outline: as in ``border_gradient``.

    Raises:
        ValueError: as ``border_gradient``; or if the shapes differ, or a picture has no gradient along the line.
    """
    check_pair(before, after)
    ratios: list[float] = []
    for image in (before, after):
        gradients, directions = _gradients(image, outline)
        along = np.abs((gradients * directions).sum(axis=1)).mean()
        across = np.abs(gradients[:, 0] * directions[:, 1] - gradients[:, 1] * directions[:, 0]).mean()
        if not min(along, across) > FLAT:
            raise ValueError("the image is flat along the line, so there is nothing to compare a seam with")
        ratios.append(float(across / along))
    return ratios[1] / ratios[0]


def colour_shift(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """Computes by how much the mean colour changed within a mask.

    Args:
        before: (1, 3, H, W), nominally [0, 1].
        after: the same shape.
        mask: weights (1, 1, H, W), not negative.

    Returns:
        The change (after - before) of red, green and blue, (3,), float32 (float64 for float64 images).

    Raises:
        ValueError: if the shapes differ or the mask is empty.
    """
    check_pair(before, after)
    if mask.shape != (1, 1, *before.shape[2:]) or before.shape[0] != 1:
        raise ValueError(f"the mask must be (1, 1, H, W) as the one image, got the shape {tuple(mask.shape)}")
    exact = torch.promote_types(torch.promote_types(before.dtype, after.dtype), torch.float32)
    weights = mask.to(before.device, exact)
    total = weights.sum()
    if not total > 0:
        raise ValueError("the mask is empty")
    return ((after.to(exact) - before.to(exact)) * weights).sum(dim=(0, 2, 3)) / total


def _gradients(image: Tensor, outline: Points) -> tuple[Points, Points]:
    """Reads the gradients (N, 2) of luma at points of the line, and the line's unit directions (N, 2) there."""
    check_image(image)
    if image.shape[0] != 1:
        raise ValueError(f"image must be one image (1, 3, H, W), got the shape {tuple(image.shape)}")
    # Points of the line whose four neighbours lie in the image.
    points, directions = _walk(outline)
    limits = np.array([image.shape[3], image.shape[2]]) - 2
    inside = ((points >= 1) & (points <= limits)).all(axis=1)
    points, directions = points[inside], directions[inside]
    if len(points) == 0:
        raise ValueError("no point of the line lies in the image")
    # Central differences of luma, computed only around the line.
    left, top = (np.floor(points.min(axis=0)).astype(int) - 1).tolist()
    right, bottom = (np.ceil(points.max(axis=0)).astype(int) + 2).tolist()
    grey = luma(image[..., top:bottom, left:right].clamp(0, 1))
    steps = np.eye(2)
    parts = [_read(grey, points - (left, top) + step) - _read(grey, points - (left, top) - step) for step in steps]
    return np.stack(parts, axis=1) / 2, directions


def _walk(outline: Points) -> tuple[Points, Points]:
    """Returns evenly spaced points (N, 2) of a closed polygon, at most 0.5 px apart, and its unit directions there."""
    edges = np.roll(outline, -1, axis=0) - outline
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    ends = np.cumsum(lengths)
    length = float(ends[-1])
    count = max(math.ceil(length * 2), 1)
    places = (np.arange(count) + 0.5) * (length / count)
    edge = np.minimum(np.searchsorted(ends, places), len(edges) - 1)
    directions = edges[edge] / np.maximum(lengths[edge], 1e-12)[:, None]
    return outline[edge] + directions * (places - ends[edge] + lengths[edge])[:, None], directions


def _read(grey: Tensor, points: Points) -> Points:
    """Interpolates (1, 1, H, W) bilinearly at points (N, 2); returns (N,)."""
    size = np.array([grey.shape[3], grey.shape[2]])
    grid = grey.new_tensor((points + 0.5) * 2 / size - 1)[None, None]
    values = functional.grid_sample(grey, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return values.flatten().double().cpu().numpy()
