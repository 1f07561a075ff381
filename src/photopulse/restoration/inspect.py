"""Measures the damage of photos without restoring them, for `photopulse restore --inspect`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from photopulse.images import read_image
from photopulse.networks.damage_mask import damage_of
from photopulse.networks.shipped import load_damage_mask_net
from photopulse.restoration.look import PhotoDamage, look_at, measurable
from photopulse.restoration.repair import find_damage
from photopulse.runs.failures import FAILURES, reason


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """The measured damage of one file.

    Attributes:
        source: path of the file.
        size: width and height in px; None if the file cannot be read.
        damage: damage of the photo; None if the file cannot be read.
        to_repair: share of the pixels that are scratched, creased, dusty, spotted or torn; None if the file cannot be
            read.
        frames: number of pictures in the file, of which the first was measured.
        missing_rows: number of rows at the bottom that are missing because the file is truncated.
        cut_off: whether the file is truncated.
        error: reason for which the file cannot be read; None if it can.
    """

    source: Path
    size: tuple[int, int] | None = None
    damage: PhotoDamage | None = None
    to_repair: float | None = None
    frames: int = 1
    missing_rows: int = 0
    cut_off: bool = False
    error: str | None = None


def inspect_files(files: Sequence[Path]) -> Iterator[Inspected]:
    """Yields the damage of each photo, in the order of the files; one that cannot be read does not stop the others."""
    # A failure becomes a row with its reason.
    damage = partial(damage_of, load_damage_mask_net())
    for file in files:
        try:
            photo = read_image(file, own_colours=True)
            with torch.no_grad():
                mask = find_damage(photo, damage)
            yield Inspected(
                source=file,
                size=(photo.pixels.shape[3], photo.pixels.shape[2]),
                damage=look_at(measurable(photo)),
                to_repair=round(mask.mean().item(), 5),
                frames=photo.frames,
                missing_rows=photo.missing_rows,
                cut_off=photo.cut_off,
            )
        except FAILURES as error:
            yield Inspected(source=file, error=reason(error))
