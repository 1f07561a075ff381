from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from photopulse.images import read_metadata
from photopulse.networks.face import FaceNet, FaceNetSettings
from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.sheets import write_face_sheet, write_grid_of_faces, write_photo_sheet
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


class FaceBrighter(nn.Module):
    """Adds the fidelity to a face that was cleaned."""

    def __init__(self) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.tensor(0.4))

    def forward(self, _damaged: torch.Tensor, cleaned: torch.Tensor, fidelity: torch.Tensor) -> torch.Tensor:
        return cleaned + self.amount * fidelity.view(-1, 1, 1, 1)


def test_a_photo_sheet_shows_damaged_restored_and_sharp(tmp_path: Path):
    pairs = [Pairs(damaged=_flat(0.2, 32), sharp=_flat(1.0)), Pairs(damaged=_flat(0.4), sharp=_flat(0.0))]
    write_photo_sheet(tmp_path / "sheet.png", Brighter(), pairs, restore_plainly)
    assert _middles(tmp_path / "sheet.png", 3, 2) == [[51, 153, 255], [102, 204, 0]]


def test_a_face_sheet_shows_three_fidelities(tmp_path: Path):
    pairs = [Pairs(damaged=_flat(0.2), sharp=_flat(1.0))]
    write_face_sheet(tmp_path / "sheet.png", FaceBrighter(), lambda face: face + 0.2, pairs)
    assert _middles(tmp_path / "sheet.png", 5, 1) == [[51, 204, 153, 102, 255]]


def test_a_grid_of_faces_repeats_and_says_that_they_are_synthetic(tiny_face_net: FaceNetSettings, tmp_path: Path):
    torch.manual_seed(0)
    decoder = FaceNet(tiny_face_net).decoder
    for name in ("a.png", "b.png"):
        write_grid_of_faces(tmp_path / name, decoder, size=32, metadata={"photopulse:synthetic": "true"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert read_metadata(tmp_path / "a.png")["photopulse:synthetic"] == "true"
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (16 + 6 * 132 - 4, 16 + 3 * 132 - 4)
