"""Draws random faces from a generator, without an input."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.search.prior import one_hot

_SEEDS = 2**32


def sample_faces(
    generator: Generator,
    seeds: Sequence[int],
    *,
    truncation_psi: float = 1.0,
    size: int | None = None,
    label: int | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Draws one face for each seed and yields the seed and the face (1, 3, size, size) in [0, 1], on the CPU.

    Args:
        generator: any generator.
        seeds: random seeds, 0 to 2**32 - 1; the latent and noise of a face depend on its own seed alone.
        truncation_psi: factor of the truncation trick: below 1, styles move towards the mean, with fewer artefacts and
            less variety.
        size: height and width, which must divide the generator's; larger faces are downscaled by PULSE's bicubic.
            None keeps the generator's size.
        label: class of a conditional generator.

    Raises:
        PhotopulseError: if the generator does not support a size, seed or class; raised before the first face.
    """
    check_sampling(generator, seeds, size=size, label=label)
    factor = generator.resolution // (size or generator.resolution)
    return ((seed, _draw(generator, seed, truncation_psi, factor, label)) for seed in seeds)


def check_sampling(generator: Generator, seeds: Sequence[int], *, size: int | None, label: int | None) -> None:
    """Checks that the generator supports the seeds, size and class, and raises PhotopulseError if not."""
    # Size, seeds, then class.
    if size is not None and (size < 1 or generator.resolution % size):
        raise PhotopulseError(
            f"cannot draw faces of {size} px",
            why=f"the size must divide the {generator.resolution} px of {generator.name}",
            fix=f"leave --size out for {generator.resolution}, or give for example {generator.resolution // 2}",
        )
    if seeds and not 0 <= min(seeds) <= max(seeds) < _SEEDS:
        raise PhotopulseError(
            f"cannot draw faces of the seeds {min(seeds)} to {max(seeds)}",
            why="the random numbers know seeds of 32 bits",
            fix=f"stay within 0 to {_SEEDS - 1}",
        )
    one_hot(label, generator)


@torch.no_grad()
def _draw(generator: Generator, seed: int, truncation_psi: float, factor: int, label: int | None) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(1, generator.z_dim, generator=random).to(generator.device)
    noise = generator.make_noise(1, random)
    c = one_hot(label, generator)
    ws = generator.map(z, None if c is None else c[None].to(z), truncation_psi=truncation_psi)
    image = generator.synthesize(ws, noise).clamp(0, 1)
    return Bicubic(factor)(image).clamp(0, 1).cpu()
