"""Sheets of what a generator makes: random pictures, and the same ones nearer to the mean."""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.generators.protocol import Generator
from photopulse.reporting.strips import Strip, write_sheet

_COLUMNS: Final = 8
_ROWS: Final = 8
_PSI: Final = (0.7, 0.5)


@torch.no_grad()
def sample_pictures(generator: Generator, count: int, *, seed: int = 0, psi: float = 1.0) -> Tensor:
    """Renders pictures (count, 3, H, W) in [0, 1] of random latents, with this truncation, on the CPU."""
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed)).to(generator.device)
    parts = [generator.synthesize(generator.map(some, truncation_psi=psi)) for some in torch.split(z, 32)]
    return torch.cat(parts).float().clamp(0, 1).cpu()


def write_sample_sheet(path: Path, generator: Generator) -> None:
    """Writes eight rows of random pictures, and two rows of the first of them with truncation.

    Raises:
        PhotopulseError: if the sheet cannot be written.
    """
    rows = list(torch.split(sample_pictures(generator, _ROWS * _COLUMNS), _COLUMNS))
    rows += [sample_pictures(generator, _COLUMNS, psi=psi) for psi in _PSI]
    labels = ["psi 1"] * _ROWS + [f"psi {psi:g}" for psi in _PSI]
    strips = [Strip(pictures=list(torch.split(row, 1)), label=label) for row, label in zip(rows, labels, strict=True)]
    write_sheet(path, strips, columns=[""] * _COLUMNS, cell=max(128, generator.resolution))
