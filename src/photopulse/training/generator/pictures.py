"""Reads the pictures that a generator learns: squares of one size, all in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, to_uint8
from photopulse.images.resize import middle_square, resized
from photopulse.runs.watcher import Watcher

_MOST_BYTES: Final = 8 * 2**30


def read_pictures(files: Sequence[Path], size: int, watcher: Watcher) -> Tensor:
    """Reads the middle squares of pictures, resized to ``size`` px: (N, 3, size, size) uint8, in order.

    What cannot be read, is smaller than ``size`` px or shows the same pixels as a file before it is left out with a
    note.

    Raises:
        PhotopulseError: if they need more than 8 GiB of memory, or none is left.
    """
    # Bound the memory before anything is read.
    if len(files) * 3 * size**2 > _MOST_BYTES:
        raise PhotopulseError(
            f"cannot train on {len(files)} pictures of {size} px",
            why=f"they need more than {_MOST_BYTES // 2**30} GiB of memory",
            fix="give fewer pictures or a smaller --size",
        )
    # Read what can be used.
    kept: list[Tensor] = []
    seen: set[bytes] = set()
    watcher.start("reading pictures", len(files))
    for done, file in enumerate(files, start=1):
        watcher.step(done)
        try:
            picture = _square(read_image(file).pixels, size, file)
        except PhotopulseError as error:
            watcher.note(f"left out: {error}")
            continue
        content = picture.numpy().tobytes()
        if content in seen:
            watcher.note(f"left out: {file} shows the same as another file")
            continue
        seen.add(content)
        kept.append(picture)
    if not kept:
        raise PhotopulseError(
            "cannot train a generator",
            why=f"none of the {len(files)} files is a picture of {size} px or more",
            fix="give larger pictures, or crops made with `photopulse crop`",
        )
    return torch.stack(kept)


def _square(pixels: Tensor, size: int, file: Path) -> Tensor:
    """Cuts the middle square out of pixels (1, 3, H, W) and resizes it: (3, size, size) uint8."""
    height, width = pixels.shape[-2:]
    side = min(height, width)
    if side < size:
        raise PhotopulseError(
            f"cannot use {file}",
            why=f"it has {width} x {height} pixels, and enlarged pictures would teach blur",
            fix=f"give pictures of {size} px or more, or a smaller --size",
        )
    square = resized(middle_square(pixels), size, size)
    return torch.from_numpy(to_uint8(square)).permute(2, 0, 1)
