"""Fits the Gaussian of W, with the mapping network's last activation inverted (PULSE, section 3.3)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.torch_file import read_safetensors, write_safetensors

_BATCH = 4096
_OFFSET_SCALE: Final = 0.45  # Standard deviation of a layer's offset, as a share of that of the shared style.


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianPrior:
    """Mean and standard deviation of each dimension of W before the last activation, (w_dim,), float32, CPU."""

    mean: Tensor
    std: Tensor


def to_ws(values: Tensor, prior: GaussianPrior, generator: Generator) -> Tensor:
    """Maps standard normal values (B, layers, w_dim) to styles of the same shape.

    Raises:
        ValueError: if the prior was fitted for styles of another dimension.
    """
    if prior.mean.shape != (generator.w_dim,):
        raise ValueError(f"the prior has {prior.mean.numel()} dimensions, but {generator.name} has {generator.w_dim}")
    scaled = values * prior.std.to(values) + prior.mean.to(values)
    return generator.map_from_gaussian(scaled)


def from_ws(ws: Tensor, prior: GaussianPrior, generator: Generator) -> Tensor:
    """Maps styles (..., w_dim) to values that are standard normal for likely faces; the inverse of ``to_ws``."""
    values = generator.map_to_gaussian(ws)
    return (values - prior.mean.to(values)) / prior.std.to(values)


def point_to_ws(point: Tensor, prior: GaussianPrior, generator: Generator) -> Tensor:
    """Maps points (B, (1 + num_ws) * w_dim) to styles (B, num_ws, w_dim).

    A point is a style that all layers share, followed by the offset of each layer from it, both scaled so that likely
    faces are standard normal.
    """
    values = point.view(len(point), 1 + generator.num_ws, generator.w_dim)
    return to_ws(values[:, :1] + _OFFSET_SCALE * values[:, 1:], prior, generator)


@torch.no_grad()
def fit_prior(
    generator: Generator, *, samples: int = 100_000, seed: int = 0, label: Tensor | None = None
) -> GaussianPrior:
    """Fits the Gaussian to ``samples`` mapped latents, 4096 at a time, so that memory stays bounded.

    Args:
        generator: generator with a mapping network.
        samples: number of latents that are mapped; the million of the paper changes only the third digit.
        seed: random seed of the latents.
        label: class label (c_dim,) for a conditional generator.
    """
    # Accumulate sums over batches of samples.
    random = torch.Generator().manual_seed(seed)
    total = torch.zeros(generator.w_dim, dtype=torch.float64)
    squares = torch.zeros_like(total)
    pivot: Tensor | None = None
    for start in range(0, samples, _BATCH):
        z = torch.randn(min(_BATCH, samples - start), generator.z_dim, generator=random).to(generator.device)
        c = None if label is None else label.to(z).expand(len(z), -1)
        values = generator.map_to_gaussian(generator.map(z, c)[:, 0]).cpu().double()
        # Sums of squares around a point near the mean avoid catastrophic cancellation.
        pivot = values.mean(0) if pivot is None else pivot
        total += (values - pivot).sum(0)
        squares += (values - pivot).square().sum(0)
    if pivot is None or samples < 2:
        raise ValueError(f"a Gaussian needs at least two samples, got {samples}")
    variance = (squares - total.square() / samples) / (samples - 1)
    return GaussianPrior(mean=(pivot + total / samples).float(), std=variance.sqrt().float())


def one_hot(label: int | None, generator: Generator) -> Tensor | None:
    """Returns the one-hot class vector (c_dim,) of a label; None for an unconditional generator without a label.

    Raises:
        PhotopulseError: if the generator has no such class, or needs one and none is given.
    """
    if generator.c_dim == 0 and label is None:
        return None
    if label is None or not 0 <= label < generator.c_dim:
        raise PhotopulseError(
            f"cannot search {generator.name}",
            why=f"it has {generator.c_dim} classes, and the class given is {label}",
            fix=f"give --label 0 to {generator.c_dim - 1}" if generator.c_dim else "leave --label out",
        )
    return F.one_hot(torch.tensor(label), generator.c_dim).float()


def save_prior(prior: GaussianPrior, path: Path) -> None:
    """Writes the prior as safetensors, atomically."""
    write_safetensors(path, {"mean": prior.mean, "std": prior.std}, {})


def load_prior(path: Path) -> GaussianPrior:
    """Reads what ``save_prior`` wrote.

    Raises:
        PhotopulseError: if the file is damaged or of another kind.
    """
    try:
        state = read_safetensors(path)
        return _checked(GaussianPrior(mean=state["mean"], std=state["std"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise PhotopulseError(
            f"cannot read the Gaussian fit {path}", why=str(error), fix="delete the file; it is computed anew"
        ) from error


def _checked(prior: GaussianPrior) -> GaussianPrior:
    for values in (prior.mean, prior.std):
        if values.ndim != 1 or values.shape != prior.mean.shape or values.dtype != torch.float32:
            raise ValueError(f"mean and std do not fit: {tuple(prior.mean.shape)} and {tuple(prior.std.shape)}")
        if not values.isfinite().all():
            raise ValueError("it holds values that are not numbers")
    return prior
