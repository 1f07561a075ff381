"""Measures the mark of single faces in photos: from which size on it is found, and false alarms in unmarked pictures.

    python benchmarks/face_marks.py PHOTOS --sizes 128 160 192 256 384 512
    python benchmarks/face_marks.py PHOTOS MORE --unmarked

The first marks the largest face of photos that are shrunk until its square has a size, as `restore` marks a face that
it redrew. The second searches unmarked pictures as thoroughly as `verify` does, whole and face by face.
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from marks import CHANGES, tensor
from PIL import Image
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.images import image_files, read_image, to_uint8
from photopulse.images.resize import resized
from photopulse.metrics import psnr
from photopulse.provenance.face import FACE_THRESHOLD, find_face_mark
from photopulse.provenance.find import THRESHOLD, find_mark
from photopulse.provenance.payload import payload_of
from photopulse.restoration.face_mark import face_squares, mark_faces
from photopulse.restoration.faces import find_faces
from photopulse.restoration.settings import RestoreSettings

PAYLOAD = payload_of("restore", generator="benchmark", seed=0)
SHOWN = (
    "none",
    "JPEG 90",
    "JPEG 75",
    "JPEG 50",
    "WebP 80",
    "resized to 75%",
    "resized to 50%",
    "resized to 50%, JPEG 75",
    "blur, sigma 1",
    "noise, 5 of 255",
    "brightness 130%",
    "mirrored",
    "quarter turn",
    "turned by 0.5 degrees",
    "turned by 2 degrees",
)


def photos(folders: Sequence[Path], most: int) -> Iterator[tuple[Path, Tensor]]:
    """Yields pictures of the folders, spread evenly over each; those that cannot be read are passed over."""
    for folder in folders:
        files = image_files([folder], recursive=True)
        for path in files[:: max(1, len(files) // most)][:most]:
            try:
                yield path, read_image(path).pixels
            except PhotopulseError:
                continue


def at_size(photo: Tensor, side: float, detector: FaceDetector) -> tuple[Tensor, Image.Image, float] | None:
    """Returns a photo whose largest face has this size, marked as written, and the face's size from brow to chin."""
    squares = face_squares(photo, detector)
    if not squares or squares[0].side < side * 0.95:
        return None
    # A little larger, because the square is measured anew.
    factor = 1.01 * side / squares[0].side
    small = resized(photo, round(photo.shape[2] * factor), round(photo.shape[3] * factor)).clamp(0, 1)
    found = [replace(face, crop=small) for face in find_faces(small, detector, RestoreSettings(), growth=1.0)[:1]]
    marked = small.clone()
    told = mark_faces(marked, found, PAYLOAD, "on", growth=1.0)
    if not told or told[0].told.mark != str(PAYLOAD):
        return None
    return small, Image.fromarray(to_uint8(marked)), told[0].told.side


def measure_sizes(folders: Sequence[Path], sizes: Sequence[int], most: int) -> None:
    detector = FaceDetector.load()
    given = list(photos(folders, most))
    cells: dict[str, list[str]] = {name: [] for name in SHOWN}
    heads: list[str] = []
    for side in sizes:
        made = [one for _, photo in given if (one := at_size(photo, side, detector)) is not None]
        quality = [psnr(tensor(picture), plain).item() for plain, picture, _ in made]
        chins = float(np.mean([chin for _, _, chin in made]))
        heads.append(f"{side} px (brow to chin {chins:.0f} px)")
        print(f"{side} px: {len(made)} photos, PSNR of the whole photo at least {min(quality):.1f} dB", flush=True)
        for name in SHOWN:
            marks = [_found(tensor(CHANGES[name](picture)), detector) for _, picture, _ in made]
            found = sum(payload for _, payload in marks)
            cells[name].append(f"{found}/{len(made)} ({min(score for score, _ in marks):.1f})")
    print(f"threshold {FACE_THRESHOLD:.2f}\n")
    print("| change | " + " | ".join(heads) + " |\n|" + " --- |" * (len(heads) + 1))
    for name, row in cells.items():
        print("| " + " | ".join([name, *row]) + " |")


def _found(picture: Tensor, detector: FaceDetector) -> tuple[float, bool]:
    mark = find_face_mark(picture, face_squares(picture, detector))
    return (0.0, False) if mark is None else (mark.score, mark.payload == PAYLOAD)


def measure_unmarked(folders: Sequence[Path], most: int, seconds: float) -> None:
    detector, ends = FaceDetector.load(), time.monotonic() + seconds
    whole: list[float] = []
    faces: list[float] = []
    given = [one for folder in folders for one in image_files([folder], recursive=True)[:most]]
    random.shuffle(given)
    for path in given:
        if time.monotonic() > ends:
            break
        try:
            picture = read_image(path).pixels
        except PhotopulseError:
            continue
        whole.append(find_mark(picture).score)
        mark = find_face_mark(picture, face_squares(picture, detector))
        faces += [] if mark is None else [mark.score]
        if len(whole) % 50 == 0:
            _print_unmarked(whole, faces)
    _print_unmarked(whole, faces)


def _print_unmarked(whole: Sequence[float], faces: Sequence[float]) -> None:
    alarms = sum(score >= THRESHOLD for score in whole), sum(score >= FACE_THRESHOLD for score in faces)
    print(
        f"{len(whole)} pictures: {alarms[0]} false alarms, largest score {max(whole):.2f} of {THRESHOLD:.2f}; "
        f"{len(faces)} of them with faces: {alarms[1]}, {max(faces, default=0):.2f} of {FACE_THRESHOLD:.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 160, 192, 256, 384, 512])
    parser.add_argument("--most", type=int, default=20, help="Pictures of each folder.")
    parser.add_argument("--unmarked", action="store_true")
    parser.add_argument("--seconds", type=float, default=1e9, help="Of --unmarked: end after so many.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    random.seed(0)
    if arguments.unmarked:
        measure_unmarked(arguments.folders, arguments.most, arguments.seconds)
    else:
        measure_sizes(arguments.folders, arguments.sizes, arguments.most)


if __name__ == "__main__":
    main()
