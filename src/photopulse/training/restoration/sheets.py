"""Sample sheets: pictures that show how far a restoration network has learned, on held-out photos."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from photopulse.networks.face_decoder import FaceDecoder
from photopulse.reporting.strips import Strip, write_sheet
from photopulse.training.restoration.face_gan import SMALL_SIZE, doublings, to_image
from photopulse.training.restoration.face_restoration import clean_and_restore
from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.train import Restorer

_FIDELITIES = (1.0, 0.5, 0.0)
_GRID = 6


def write_photo_sheet(path: Path, network: nn.Module, pairs: Sequence[Pairs], restore: Restorer) -> None:
    """Writes a row for each pair (of one picture): damaged, restored, sharp.

    Raises PhotopulseError, like all functions of this module, if the sheet cannot be written.
    """
    device = _device(network)
    strips: list[Strip] = []
    for pair in pairs:
        with torch.no_grad():
            restored = restore(network, pair.to(device), 1).float().cpu()
        strips.append(Strip(pictures=[pair.damaged, restored, pair.sharp]))
    write_sheet(path, strips, columns=("damaged", "restored", "sharp"))


def write_face_sheet(path: Path, network: nn.Module, photo_net: nn.Module, pairs: Sequence[Pairs]) -> None:
    """Writes a row for each pair (of one face): damaged, restored at three fidelities, sharp."""
    device = _device(network)
    strips: list[Strip] = []
    for pair in pairs:
        damaged = pair.to(device).damaged
        with torch.no_grad():
            restored = [
                clean_and_restore(network, photo_net, damaged, torch.tensor([fidelity], device=device)).float().cpu()
                for fidelity in _FIDELITIES
            ]
        strips.append(Strip(pictures=[pair.damaged, *restored, pair.sharp]))
    write_sheet(path, strips, columns=("damaged", *(f"fidelity {value:g}" for value in _FIDELITIES), "sharp"))


def write_grid_of_faces(path: Path, decoder: FaceDecoder, *, size: int, metadata: Mapping[str, str]) -> None:
    """Writes a grid of faces of ``size`` px, which the decoder draws from the same random tensors every time."""
    device = _device(decoder)
    random = torch.Generator().manual_seed(0)
    strips: list[Strip] = []
    for _ in range(_GRID // 2):
        small, skips = decoder.random_inputs(_GRID, size=SMALL_SIZE, sizes=doublings(size), generator=random)
        with torch.no_grad():
            faces = to_image(decoder(small.to(device), [skip.to(device) for skip in skips])).float().cpu()
        strips.append(Strip(pictures=list(faces.chunk(_GRID))))
    write_sheet(path, strips, columns=[""] * _GRID, cell=max(size, 128), metadata=metadata)


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
