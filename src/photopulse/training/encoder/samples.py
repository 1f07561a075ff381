"""Makes the training data of the style encoder: points of the search space, and small faces that a twin renders."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from photopulse.files import atomic_path, read_regular
from photopulse.generators.protocol import Generator
from photopulse.generators.twin import Twin
from photopulse.search.prior import GaussianPrior, from_ws, point_to_ws
from photopulse.training.batches import seeded

# Standard deviations of the layers' offsets, used in turn: sampled faces have one style for all layers, but styles
# found by a search, and those of real faces, differ a little between layers.
_SPREADS: Final = (0.0, 0.2, 0.4, 0.6)
_SHARD: Final = 512
_MOST_BYTES: Final = 2**28  # Of a file of them.
_TOGETHER: Final = 8


@torch.no_grad()
def draw_points(indices: Sequence[int], generator: Generator, prior: GaussianPrior, *, seed: int) -> Tensor:
    """Draws points of the search space (N, (1 + num_ws) * w_dim), see ``point_to_ws``.

    Half of the points are mapped latents, which have no offsets; the rest are drawn around the mean of W, most of them
    with small offsets. A point depends on its index and the seed alone.
    """
    # Draw each point from a random generator of its own: a latent, or a style with offsets.
    points = torch.zeros(len(indices), 1 + generator.num_ws, generator.w_dim)
    latents = torch.zeros(len(indices), generator.z_dim)
    mapped = torch.tensor([index % 2 == 1 for index in indices])
    for place, index in enumerate(indices):
        random = seeded(seed, index)
        if mapped[place]:
            latents[place] = torch.randn(generator.z_dim, generator=random)
        else:
            shared = torch.randn(generator.w_dim, generator=random)
            points[place, 0] = shared * (0.6 + 0.4 * torch.rand((), generator=random))
            offsets = torch.randn(generator.num_ws, generator.w_dim, generator=random)
            points[place, 1:] = offsets * _SPREADS[index // 2 % len(_SPREADS)]
    # Map the latents, and replace their points by the resulting styles.
    points = points.to(generator.device)
    ws = generator.map(latents.to(generator.device))[:, 0]
    points[:, 0] = torch.where(mapped.to(points.device)[:, None], from_ws(ws, prior, generator), points[:, 0])
    return points.flatten(1)


def render_faces(
    twin: Twin,
    generator: Generator,
    prior: GaussianPrior,
    *,
    count: int,
    seed: int,
    folder: Path,
) -> Iterator[Tensor]:
    """Renders the faces of the points 0 to ``count`` - 1, or reads those that are already in ``folder``.

    Yields them in parts of up to 512, (n, 3, size, size) uint8. The last part is rendered whole, so that another
    ``count`` finds the same files.
    """
    for first in range(0, count, _SHARD):
        file = folder / f"{first:07d}.safetensors"
        part = _read(file, twin.size)
        if part is None:
            rows = [
                _render(twin, generator, prior, range(start, start + _TOGETHER), seed=seed)
                for start in range(first, first + _SHARD, _TOGETHER)
            ]
            part = torch.cat(rows).contiguous()
            with atomic_path(file) as temporary:
                temporary.write_bytes(save({"pictures": part}))
        yield part[: count - first]


@torch.no_grad()
def _render(twin: Twin, generator: Generator, prior: GaussianPrior, indices: range, *, seed: int) -> Tensor:
    points = draw_points(indices, generator, prior, seed=seed)
    # bfloat16 is twice as fast, and its rounding error is below that of JPEG.
    with torch.autocast(generator.device.type, torch.bfloat16):
        faces = twin(point_to_ws(points, prior, generator))
    return faces.float().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()


def _read(file: Path, size: int) -> Tensor | None:
    """Reads a file of ``render_faces``; returns None if it is missing, damaged or of other pictures."""
    with suppress(OSError, SafetensorError, KeyError):
        part = load(read_regular(file, most=_MOST_BYTES))["pictures"]
        if part.shape == (_SHARD, 3, size, size) and part.dtype == torch.uint8:
            return part
    return None
