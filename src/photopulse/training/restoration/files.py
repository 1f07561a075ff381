"""Selects the photos that a training can use, before it starts and not hours later."""

from collections.abc import Sequence
from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.images.opening import open_image
from photopulse.runs.watcher import Watcher

# The limit of ``read_image``.
_MOST_PIXELS = 100_000_000


def usable_photos(files: Sequence[Path], *, least_side: int, watcher: Watcher) -> list[Path]:
    """Keeps the photos that can be opened and have ``least_side`` px or more each way; the others become notes.

    Only headers are read. A file that is named twice is kept twice.

    Raises:
        PhotopulseError: if nothing is left.
    """
    # Read the headers.
    broken: dict[Path, PhotopulseError] = {}
    small: list[Path] = []
    kept: list[Path] = []
    for file in files:
        try:
            with open_image(file, max_pixels=_MOST_PIXELS) as (image, _):
                (kept if min(image.size) >= least_side else small).append(file)
        except PhotopulseError as error:
            broken[file] = error

    # Report what is left out.
    if broken:
        first = next(iter(broken.values()))
        watcher.note(f"{len(broken)} of {len(files)} files are left out: {first}" + (" ..." if len(broken) > 1 else ""))
    if small:
        words = f"have a side below {least_side} px and are left out: {small[0]}"
        watcher.note(f"{len(small)} of {len(files)} photos {words}")
    if not kept:
        raise PhotopulseError(
            f"cannot train on these {len(files)} files",
            why=f"none of them is a photo of {least_side} px or more each way that can be read",
            fix="give larger photos (hundreds and more are good)",
        )
    return kept


def hold_out(files: Sequence[Path], *, most: int) -> tuple[list[Path], list[Path]]:
    """Splits files into those to train on and a few, evenly spread, for the sample sheets; no photo is in both.

    Raises:
        PhotopulseError: if there are not two different files.
    """
    different = list({file.resolve(): file for file in files})
    if len(different) < 2:
        raise PhotopulseError(
            "cannot train on one photo",
            why="it is held out for the sample sheets, so that none is left to train on",
            fix="give more photos (hundreds and more are good)",
        )
    held_out = [different[place] for place in spread(len(different), most=most)]
    return [file for file in files if file.resolve() not in held_out], held_out


def spread(count: int, *, most: int) -> list[int]:
    """Picks a tenth of ``count`` places, at least one and at most ``most``, evenly spread."""
    picked = min(most, max(count // 10, 1))
    return [(2 * place + 1) * count // (2 * picked) for place in range(picked)]
