"""Measures how many faces the detector finds in a folder of photos, how fast, and how robustly.

    python benchmarks/face_detection.py FOLDER [--limit N] [--json]

Each photo is tried as it is, downscaled (--scales), downscaled by 4 and saved as JPEG of quality 30, and turned.
The figures count photos, so they are recall only for a folder of photos with one face each.
"""

import argparse
import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from photopulse.faces.detect import FaceDetector

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}


@dataclass(frozen=True)
class Row:
    condition: str
    photos: int
    with_a_face: float
    with_more_faces: float
    median_ms: float
    worst_ms: float


def as_it_is(photo: Image.Image) -> Image.Image:
    return photo


def small_jpeg(photo: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    photo.reduce(4).save(stream, "JPEG", quality=30)
    return Image.open(stream).convert("RGB")


def longer_side(pixels: int) -> Callable[[Image.Image], Image.Image]:
    def shrink(photo: Image.Image) -> Image.Image:
        factor = pixels / max(photo.size)
        return photo.resize((max(round(photo.width * factor), 1), max(round(photo.height * factor), 1)), Image.BICUBIC)

    return shrink


def turned(degrees: int) -> Callable[[Image.Image], Image.Image]:
    return lambda photo: photo.rotate(degrees, expand=True)


CONDITIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": as_it_is,
    "1/4 size, JPEG 30": small_jpeg,
    "64 px high": longer_side(64),
    "32 px high": longer_side(32),
    "turned by 90": turned(90),
}


def measure(name: str, change: Callable[[Image.Image], Image.Image], files: list[Path], detector: FaceDetector) -> Row:
    counts: list[int] = []
    times: list[float] = []
    for file in files:
        with Image.open(file) as photo:
            pixels = np.asarray(change(photo.convert("RGB")), dtype=np.float32) / 255
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        start = time.perf_counter()
        counts.append(len(detector.detect(image)))
        times.append((time.perf_counter() - start) * 1000)
    found = np.array(counts)
    return Row(
        condition=name,
        photos=len(files),
        with_a_face=round(float((found > 0).mean()), 4),
        with_more_faces=round(float((found > 1).mean()), 4),
        median_ms=round(float(np.median(times)), 1),
        worst_ms=round(max(times), 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="searched with all its subfolders")
    parser.add_argument("--limit", type=int, help="take only so many photos, spread over the folder")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        parser.error(f"no photo in {arguments.folder}")
    if arguments.limit:
        files = files[:: max(len(files) // arguments.limit, 1)][: arguments.limit]
    detector = FaceDetector.load()
    rows = [measure(name, change, files, detector) for name, change in CONDITIONS.items()]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print("| condition | photos | with a face | with more than one | median ms | worst ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row.condition} | {row.photos} | {row.with_a_face:.1%} | {row.with_more_faces:.1%} "
            f"| {row.median_ms} | {row.worst_ms} |"
        )


if __name__ == "__main__":
    main()
