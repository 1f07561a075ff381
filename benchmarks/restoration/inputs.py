"""Sharp portraits and the small damaged files that all methods are given."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from photopulse.degrade import LEVELS, Corruptions, Damage, Jpeg
from photopulse.evaluation.inputs import picture_seed
from photopulse.files import atomic_path
from photopulse.images import read_image, to_uint8

Size = tuple[int, int]
HALF_CHROMA = 2  # Pillow's number for 4:2:0, as in photopulse.degrade.Jpeg.


@dataclass(frozen=True, kw_only=True)
class Case:
    """A damaged photo, and the width and height to which it is to be restored."""

    damaged: Path
    level: str
    damage: str
    size: Size


def make_case(photo: Path, level: str, folder: Path) -> Case:
    """Damages a photo as its name and the level say, and writes ``folder/damaged/<level>/<stem>.jpg`` once.

    The file is the JPEG that ends the damage itself: read again, it has the pixels that the damage gives.
    """
    random = torch.Generator().manual_seed(picture_seed(f"{level} {photo.stem}", 0))
    damage = LEVELS[level].draw(random)
    target = folder / "damaged" / level / f"{photo.stem}.jpg"
    sharp = read_image(photo).pixels
    if not target.is_file():
        _write(sharp, damage, random, target)
    return Case(damaged=target, level=level, damage=damage.name, size=(sharp.shape[3], sharp.shape[2]))


def _write(sharp: Tensor, damage: Damage, random: torch.Generator, target: Path) -> None:
    *others, jpeg = damage.after.parts
    if not isinstance(jpeg, Jpeg):
        raise SystemExit(f"the damage {damage.name} does not end with a JPEG")
    pixels = replace(damage, after=Corruptions(tuple(others)))(sharp, random)
    with atomic_path(target) as temporary:
        Image.fromarray(to_uint8(pixels)).save(temporary, quality=int(jpeg.quality), subsampling=HALF_CHROMA)
