"""What the guided filter keeps: photos cleaned at their full size, and at half of it and brought back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from photopulse.degrade import LEVELS
from photopulse.evaluation.inputs import damaged
from photopulse.evaluation.methods import make_restorer
from photopulse.images import from_uint8, read_image, to_uint8
from photopulse.images.resize import resized
from photopulse.metrics import psnr
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

from .grid import grid

LEAST_SIZE = 64


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Of one photo: PSNR before, cleaned at full size and at half of it, and the seconds of both."""

    before: float
    full: float
    half: float
    slow: float
    fast: float


def print_guided(photos: Sequence[Path], device: str) -> None:
    """Prints a line for each level of damage."""
    kit = RestoreKit.load(RestoreSettings(only="photo"), device)
    lines = [["level", "photos", "bicubic PSNR", "full size", "half size", "gain kept", "s, full", "s, half", "time"]]
    for level in LEVELS:
        gains = [gain(photo, level, kit) for photo in photos]
        before, full, half, slow, fast = (
            float(np.mean([getattr(one, name) for one in gains])) for name in Gain.__dataclass_fields__
        )
        kept = f"{(half - before) / (full - before):.1%}" if full > before else "no gain"
        psnrs, seconds = ([f"{value:.2f}" for value in values] for values in ((before, full, half), (slow, fast)))
        lines.append([level, str(len(gains)), *psnrs, kept, *seconds, f"{fast / slow:.0%}"])
    print(grid(lines))


def gain(photo: Path, level: str, kit: RestoreKit) -> Gain:
    """Damages a photo, enlarges it to its size by cubic curves, and cleans it at that size and at half of it."""
    sharp, (small, _) = read_image(photo).pixels, damaged(photo, level, 0)
    size = (sharp.shape[3], sharp.shape[2])
    large = resized(small, *size[::-1])
    bicubic = make_restorer("bicubic")(small, size, 0).image
    full, half = (
        restore_photo(large, settings=RestoreSettings(only="photo", working_size=max(side, LEAST_SIZE)), kit=kit)
        for side in (max(size), max(size) // 2)
    )
    slow, fast = (sum(made.seconds.get(stage, 0.0) for stage in ("photo", "full_size")) for made in (full, half))
    return Gain(
        before=as_written(bicubic, sharp),
        full=as_written(full.image, sharp),
        half=as_written(half.image, sharp),
        slow=slow,
        fast=fast,
    )


def as_written(image: Tensor, sharp: Tensor) -> float:
    """The PSNR of a picture rounded to bytes."""
    return psnr(from_uint8(to_uint8(image)), sharp).item()
