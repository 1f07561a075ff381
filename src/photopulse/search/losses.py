"""The losses of a search: distance of the downscaled image to the input, and distance of the styles to each other.

Each loss is computed per item (B,), so that the items of a batch do not influence each other.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor

LossName = Literal["L2", "L1", "GEOCROSS"]
_TINY = 1e-9
_L1_FACTOR = 10.0  # PULSE's code carries it, so weights in its loss strings count on it.


@dataclass(frozen=True, kw_only=True)
class LossTerm:
    """A term of the loss with its weight."""

    weight: float
    name: LossName


def parse_loss(text: str) -> tuple[LossTerm, ...]:
    """Reads a loss string of PULSE's code, e.g. ``"100*L2+0.05*GEOCROSS"``.

    Raises:
        ValueError: if a part is not ``weight*NAME`` with one of the names and a finite weight, or a name
            comes twice.
    """
    # Each term.
    terms: list[LossTerm] = []
    for part in text.split("+"):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?(?:[eE]-?\d+)?|\.\d+)\s*\*\s*(\w+)\s*", part)
        name = match.group(2).upper() if match else ""
        if match is None or name not in get_args(LossName):
            names = ", ".join(get_args(LossName))
            raise ValueError(f"cannot read {part!r} in the loss {text!r}: write weight*NAME with one of {names}")
        weight = float(match.group(1))
        if not math.isfinite(weight):
            raise ValueError(f"the weight in {part!r} of the loss {text!r} is too large")
        terms.append(LossTerm(weight=weight, name=cast(LossName, name)))

    # All together.
    if len({term.name for term in terms}) < len(terms):
        raise ValueError(f"the loss {text!r} names a term twice")
    return tuple(terms)


def mean_squared_error(image: Tensor, target: Tensor) -> Tensor:
    """Returns the mean over channels and pixels of the squared difference, (B,); images are (B, C, H, W)."""
    return (image - target).square().mean((1, 2, 3))


def l2(image: Tensor, target: Tensor, eps: float) -> Tensor:
    """Computes the mean squared error (B,), clamped from below at ``eps``, where its gradient vanishes."""
    return mean_squared_error(image, target).clamp(min=eps)


def l1(image: Tensor, target: Tensor, eps: float) -> Tensor:
    """Computes ten times the mean absolute error (B,), the latter clamped from below at ``eps``."""
    return _L1_FACTOR * (image - target).abs().mean((1, 2, 3)).clamp(min=eps)


def geocross(ws: Tensor) -> Tensor:
    """Computes the geodesic cross loss (B,), the distance of the styles of ws (B, num_ws, w_dim) to each other.

    It is the sum of the squared angles of all pairs of styles (PULSE, section 3.4), scaled as in PULSE's code: the
    mean over the pairs, times ``w_dim``, divided by 8. The angle is 2 atan2(|x - y|, |x + y|), as the vectors have
    about the same length. A single style gives 0.
    """
    batch, num_ws, w_dim = ws.shape
    if num_ws == 1:
        return ws.new_zeros(batch)
    x, y = ws[:, None], ws[:, :, None]
    difference = ((x - y).square().sum(-1) + _TINY).sqrt()
    total = ((x + y).square().sum(-1) + _TINY).sqrt()
    angle = 2 * torch.atan2(difference, total)
    return (angle.square() * w_dim).mean((1, 2)) / 8


def evaluate_loss(
    terms: tuple[LossTerm, ...], *, image: Tensor, target: Tensor, ws: Tensor, eps: float
) -> Mapping[str, Tensor]:
    """Computes each term, unweighted, and their weighted ``"TOTAL"``: name -> (B,).

    Args:
        terms: losses with their weights.
        image: downscaled images (B, 3, h, w).
        target: targets of the same shape.
        ws: styles of the images, (B, num_ws, w_dim), or (B, 1, w_dim) if all layers share one.
        eps: error below which an image has converged.
    """
    values: dict[str, Tensor] = {}
    for term in terms:
        match term.name:
            case "L2":
                values[term.name] = l2(image, target, eps)
            case "L1":
                values[term.name] = l1(image, target, eps)
            case "GEOCROSS":
                values[term.name] = geocross(ws)
    values["TOTAL"] = torch.stack([term.weight * values[term.name] for term in terms]).sum(0)
    return values
