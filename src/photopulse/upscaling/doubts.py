"""What speaks against an input being a face, whatever the error of its result says."""

from typing import Final, cast

import torch
from torch import Tensor

_EVEN: Final = 2 / 255
"""Least deviation from an even colour or gradient, root mean square; a face of a fifth of the contrast: 8 / 255."""


def doubt(target: Tensor) -> str | None:
    """Returns why a small face (1, 3, h, w) in [0, 1] is none: it is an even colour or gradient; None if it may be one.

    Faces that downscale to such an input are easily found, so its error says nothing.
    """
    if _unevenness(target) >= _EVEN:
        return None
    return "the input is an even colour or gradient and shows no face: the result fits it, but means nothing"


def _unevenness(target: Tensor) -> float:
    """Returns the root mean square deviation of each channel from its best plane, of the channel that has most."""
    height, width = target.shape[-2:]
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    plane = torch.stack([torch.ones(height, width), rows, columns]).flatten(1).T.double()
    values = target[0].flatten(1).T.double().cpu()
    solution = cast("Tensor", torch.linalg.lstsq(plane, values)[0])
    return (values - plane @ solution).square().mean(0).sqrt().max().item()
