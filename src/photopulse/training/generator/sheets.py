"""Sheets of what a generator makes: random pictures, and the same ones nearer to the mean."""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.generators.protocol import Generator
from photopulse.reporting.strips import Strip, write_sheet

_COLUMNS: Final = 8
_PSI: Final = (1.0, 0.7, 0.5)


@torch.no_grad()
def sample_pictures(generator: Generator, count: int, *, seed: int = 0, psi: float = 1.0) -> Tensor:
    """Renders pictures (count, 3, H, W) in [0, 1] of random latents, with this truncation, on the CPU."""
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed)).to(generator.device)
    parts = [generator.synthesize(generator.map(some, truncation_psi=psi)) for some in z.split(32)]
    return torch.cat(parts).float().clamp(0, 1).cpu()


def write_sample_sheet(path: Path, generator: Generator) -> None:
    """Writes eight rows of random pictures, and two rows of the first of them with truncation.

    Raises:
        PhotopulseError: if the sheet cannot be written.
    """
    rows = [*sample_pictures(generator, 8 * _COLUMNS).split(_COLUMNS)]
    rows += [sample_pictures(generator, _COLUMNS, psi=psi) for psi in _PSI[1:]]
    labels = ["psi 1"] * 8 + [f"psi {psi:g}" for psi in _PSI[1:]]
    strips = [Strip(pictures=list(row.split(1)), label=label) for row, label in zip(rows, labels, strict=True)]
    write_sheet(path, strips, columns=[""] * _COLUMNS, cell=max(128, generator.resolution))
