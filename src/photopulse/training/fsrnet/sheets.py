"""Sample sheets: pictures that show how far FSRNet has learned, on held-out faces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.fsrnet import FSRNet, enlarge_bicubic
from photopulse.reporting.strips import Strip, write_sheet
from photopulse.training.fsrnet.pairs import FaceBatch

COLUMNS = ("16 px", "bicubic", "coarse", "fine", "sharp", "parts seen", "parts drawn")


def write_training_sheet(path: Path, network: FSRNet, batch: FaceBatch) -> None:
    """Writes a row for each face of a batch: input, output of the network, target.

    The geometry, that of the network and that of the mesh, is drawn over the gray sharp face: parts are tinted,
    landmarks bright.

    Raises:
        PhotopulseError: if the picture cannot be written.
    """
    device = next(network.parameters()).device
    enlarged = enlarge_bicubic(batch.small)
    with torch.no_grad():
        answer = network(enlarged.to(device))
    coarse, landmarks, parts, fine = (tensor.float().cpu() for tensor in answer)
    seen = overlay_geometry(batch.sharp, landmarks, parts.sigmoid())
    drawn = overlay_geometry(batch.sharp, batch.landmarks, batch.parts)
    pictures = (batch.small, enlarged, coarse, fine, batch.sharp, seen, drawn)
    strips = [Strip(pictures=_one_each(pictures, place)) for place in range(len(batch.sharp))]
    write_sheet(path, strips, columns=COLUMNS)


def overlay_geometry(sharp: Tensor, landmarks: Tensor, parts: Tensor) -> Tensor:
    """Draws heatmaps (B, L, h, h) and parts (B, P, h, h) of 0..1 over faces (B, 3, H, W); returns (B, 3, H, W)."""
    from matplotlib import colormaps

    tint = torch.from_numpy(colormaps["tab10"](np.arange(parts.shape[1]))[:, :3].astype(np.float32))
    size = sharp.shape[-1] // parts.shape[-1]
    picture = sharp.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    # Later parts lie upon earlier ones, the skin below all.
    for place in range(parts.shape[1]):
        opacity = 0.5 * _enlarged(parts[:, place : place + 1], size)
        picture = picture + opacity * (tint[place][:, None, None] - picture)
    return picture + _enlarged(landmarks.amax(dim=1, keepdim=True), size) * (1 - picture)


def _enlarged(maps: Tensor, factor: int) -> Tensor:
    return F.interpolate(maps.clamp(0, 1), scale_factor=factor, mode="bilinear")


def _one_each(pictures: Sequence[Tensor], place: int) -> list[Tensor]:
    return [picture[place : place + 1] for picture in pictures]
