"""What pasting faces leaves behind: the gradient along each border with and without, and the shift of colour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from photopulse.images import read_image
from photopulse.metrics.seams import border_gradient, colour_shift, seam_gain
from photopulse.restoration.face_mask import paste_border
from photopulse.restoration.faces import find_faces
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.paste import PasteSettings
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

from .grid import grid

MOST_GAIN = 1.1
MOST_SHIFT = 1.0


@dataclass(frozen=True, kw_only=True)
class Seam:
    """Of one pasted face.

    Attributes:
        line: gradient of luma along the line where the face fades out, pasted over not pasted;
        square: likewise along the square in which the face was redrawn.
        across: by how much the gradients across the first line grew more than those along it.
        shift: largest change of the mean of a colour within the line, of 255.
    """

    photo: str
    face: int
    line: float
    square: float
    across: float
    shift: float


def print_seams(photos: Sequence[Path], device: str) -> None:
    """Prints a line for each face, as they come, and how many keep the limits."""
    kit = RestoreKit.load(RestoreSettings(), device)
    found: list[Seam] = []
    print(grid([["photo", "face", "border", "square", "across / along", "colour shift, 1/255"]]), flush=True)
    for photo in photos:
        for seam in seams(photo, kit):
            found.append(seam)
            cells = [f"{value:.3f}" for value in (seam.line, seam.square, seam.across, seam.shift)]
            print(f"| {' | '.join([seam.photo, str(seam.face), *cells])} |", flush=True)
    if found:
        kept = [sum(limited) for limited in zip(*map(limits_kept, found), strict=True)]
        worst = [max(getattr(seam, name) for seam in found) for name in ("line", "square", "across", "shift")]
        print(f"| worst | {len(found)} | {' | '.join(f'{value:.3f}' for value in worst)} |")
        print(f"| at most {MOST_GAIN:g}, or {MOST_SHIFT:g}/255 | {len(found)} | {' | '.join(map(str, kept))} |")


def limits_kept(seam: Seam) -> list[bool]:
    return [*(value <= MOST_GAIN for value in (seam.line, seam.square, seam.across)), seam.shift < MOST_SHIFT]


def seams(photo: Path, kit: RestoreKit) -> Iterator[Seam]:
    """Restores a photo at its own size with and without its faces, and measures around each that was restored."""
    pixels = read_image(photo, own_colours=True).pixels
    if kit.detector is None:
        raise SystemExit("the kit has no face detector")
    settings = RestoreSettings()
    faces = find_faces(pixels, kit.detector, settings, growth=1)
    after = restore_photo(photo, settings=settings, kit=kit).image
    before = restore_photo(photo, settings=RestoreSettings(only="photo"), kit=kit).image
    for number, face in enumerate((face for face in faces if face.told.restored), start=1):
        border = paste_border(face.mesh, face.region, reach=PasteSettings().reach)
        lines = border, face.region.corners
        ratios = [border_gradient(after, line) / border_gradient(before, line) for line in lines]
        shift = colour_shift(before, after, inside(border, before))
        yield Seam(
            photo=photo.stem,
            face=number,
            line=ratios[0],
            square=ratios[1],
            across=seam_gain(before, after, border),
            shift=255 * shift.abs().max().item(),
        )


def inside(border: np.ndarray, photo: Tensor) -> Tensor:
    """The mask (1, 1, H, W) of a polygon (N, 2)."""
    plane = np.zeros(tuple(photo.shape[2:]), np.float32)
    cv2.fillPoly(plane, [border.round().astype(np.int32)], (1.0,))
    return torch.from_numpy(plane)[None, None]
