"""Finds the faces of any number of photos once and stores their crops; an interrupted search is resumed."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.faces.region import face_region
from photopulse.files import write_text
from photopulse.images import read_image, to_uint8
from photopulse.runs.watcher import Watcher
from photopulse.training.file_keys import file_key
from photopulse.training.restoration.face_crops import MARGIN, STORED_SIZE, FaceCrops, Pixels

# Smaller faces would be enlarged, and the network would learn to blur.
LEAST_SIDE: Final = 190.0
_SHAPE = (STORED_SIZE, STORED_SIZE, 3)
_BYTES = STORED_SIZE * STORED_SIZE * 3
_HEADER = f"faces of {LEAST_SIDE:.0f} px or more as {STORED_SIZE} px with a margin of {MARGIN}\n"


def gather_faces(files: Sequence[Path], folder: Path, *, watcher: Watcher | None = None) -> FaceCrops:
    """Finds the faces of all photos and stores their crops in ``folder``, so that the next call starts at once.

    Faces whose square has less than 190 px are left out, and so are photos without faces and, with a note, those that
    cannot be read. A file that is named twice counts twice. One crop is in memory at a time.

    Args:
        files: photos, or aligned faces, in any number and of any size.
        folder: gets faces.bin, the crops one after the other, and faces.csv, a line for each photo: a key for the file
            and its state, and the number of its faces.
        watcher: hears of progress, a step is a photo, and of photos that cannot be read.

    Raises:
        PhotopulseError: a file is missing, or no face was found in any.
    """
    # Search each photo once.
    photos = list({file.resolve(): file for file in files}.values())
    counts = _count_faces(photos, folder, watcher or Watcher())
    if not sum(counts):
        raise PhotopulseError(
            f"cannot train on these {len(files)} pictures",
            why=f"no face with a square of {LEAST_SIDE:.0f} px or more was found in any",
            fix="give larger photos of faces, or make some with `photopulse sample`",
        )

    # Refer to its crops as often as the photo is named.
    ends = list(accumulate(counts))
    places = {photo.resolve(): range(end - count, end) for photo, count, end in zip(photos, counts, ends, strict=True)}
    return FaceCrops(
        pixels=np.memmap(folder / "faces.bin", np.uint8, mode="r", shape=(ends[-1], *_SHAPE)),
        photos=np.repeat(np.arange(len(photos)), counts),
        places=np.array([place for file in files for place in places[file.resolve()]], np.int64),
    )


def _count_faces(photos: Sequence[Path], folder: Path, watcher: Watcher) -> list[int]:
    """Searches the photos that were not searched before; returns the number of faces of each."""
    stored, listed = folder / "faces.bin", folder / "faces.csv"
    keys = [file_key(photo) for photo in photos]
    counts = list(_known(keys, stored, listed))
    watcher.start("finding faces", len(photos))
    if len(counts) < len(photos):
        write_text(listed, _HEADER + "".join(_line(key, count) for key, count in zip(keys, counts, strict=False)))
        detector = FaceDetector.load()
        with stored.open("ab") as crops, listed.open("a", encoding="ascii", newline="") as lines:
            crops.truncate(sum(counts) * _BYTES)
            for number in range(len(counts), len(photos)):
                found = _crops_of(photos[number], detector, watcher)
                # The line is written last, so that the crops that it counts are certainly on disk.
                crops.writelines(crop.tobytes() for crop in found)
                crops.flush()
                lines.write(_line(keys[number], len(found)))
                lines.flush()
                counts.append(len(found))
                watcher.step(number + 1)
    watcher.step(len(photos))
    return counts


def _known(keys: Sequence[str], stored: Path, listed: Path) -> Iterator[int]:
    """Yields the numbers of faces that an earlier search found, as long as its photos are the same."""
    with suppress(OSError, ValueError):
        room = stored.stat().st_size // _BYTES
        header, *lines = listed.read_text(encoding="ascii").splitlines(keepends=True)
        for key, line in zip(keys, lines if header == _HEADER else [], strict=False):
            count = int(line.rpartition(",")[2])
            room -= count
            if line != _line(key, count) or room < 0:
                return
            yield count


def _line(key: str, count: int) -> str:
    return f"{key},{count}\n"


def _crops_of(file: Path, detector: FaceDetector, watcher: Watcher) -> list[Pixels]:
    try:
        photo = read_image(file).pixels
    except PhotopulseError as error:
        watcher.note(f"left out: {error}")
        return []
    crops: list[Pixels] = []
    for face in detector.detect(photo):
        # A mesh without extent, or one beside the photo, is no face.
        with suppress(ValueError):
            region = face_region(detector.mesher.face_mesh(photo, face))
            if region.side >= LEAST_SIDE:
                crops.append(to_uint8(replace(region, side=region.side * MARGIN).crop(photo, STORED_SIZE)))
    return crops
