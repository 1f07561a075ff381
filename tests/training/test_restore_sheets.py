from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.sheets import write_photo_sheet
from photopulse.training.restoration.train import restore_plainly

pytestmark = pytest.mark.usefixtures("one_thread")


def _flat(value: float, size: int = 64) -> torch.Tensor:
    return torch.full((1, 3, size, size), value)


def _middles(path: Path, columns: int, rows: int) -> list[list[int]]:
    """The gray values in the middles of the cells of 256 px; margins of 8, gaps of 4, at the top a line of names."""
    pixels = np.asarray(Image.open(path).convert("L"))
    head = pixels.shape[0] - (2 * 8 + rows * 260 - 4)
    return [
        [int(pixels[8 + head + row * 260 + 128, 8 + column * 260 + 128]) for column in range(columns)]
        for row in range(rows)
    ]


class Brighter(nn.Module):
    """Adds to a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.tensor(0.4))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture + self.amount


def test_a_photo_sheet_shows_damaged_restored_and_sharp(tmp_path: Path):
    pairs = [Pairs(damaged=_flat(0.2, 32), sharp=_flat(1.0)), Pairs(damaged=_flat(0.4), sharp=_flat(0.0))]
    write_photo_sheet(tmp_path / "sheet.png", Brighter(), pairs, restore_plainly)
    assert _middles(tmp_path / "sheet.png", 3, 2) == [[51, 153, 255], [102, 204, 0]]
