"""Sample sheets: pictures that show how far a restoration network has learned, on held-out photos."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from photopulse.reporting.strips import Strip, write_sheet
from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.train import Restorer


def write_photo_sheet(path: Path, network: nn.Module, pairs: Sequence[Pairs], restore: Restorer) -> None:
    """Writes a row for each pair (of one picture): damaged, restored, sharp.

    Raises PhotopulseError if the sheet cannot be written.
    """
    device = next(network.parameters()).device
    strips: list[Strip] = []
    for pair in pairs:
        with torch.no_grad():
            restored = restore(network, pair.to(device), 1).float().cpu()
        strips.append(Strip(pictures=[pair.damaged, restored, pair.sharp]))
    write_sheet(path, strips, columns=("damaged", "restored", "sharp"))
