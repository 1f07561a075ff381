"""Measures how many faces the detector finds in a folder of photos, how fast, and how robustly.

    python benchmarks/face_detection.py FOLDER [--limit N] [--json]

Each photo is tried as it is, downscaled by 4 and saved as JPEG of quality 30, downscaled to 64 and 32 px, and turned.
"In place" counts the photos whose largest face lies where it was found in the untouched photo: its six points are off
by less than 15 % of its size on average, so a face taken for upright in a turned photo does not count.
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

from photopulse.faces.blazeface import Face
from photopulse.faces.detect import FaceDetector

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}
LARGEST_OFFSET = 0.15


@dataclass(frozen=True)
class Row:
    condition: str
    photos: int
    with_a_face: float
    in_place: float
    with_more_faces: float
    median_ms: float
    worst_ms: float


@dataclass(frozen=True)
class Condition:
    """What is done to a photo: it is changed, and then turned counterclockwise in quarters."""

    name: str
    change: Callable[[Image.Image], Image.Image]
    turns: int = 0


def as_it_is(photo: Image.Image) -> Image.Image:
    return photo


def small_jpeg(photo: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    photo.reduce(4).save(stream, "JPEG", quality=30)
    return Image.open(stream).convert("RGB")


def longer_side(pixels: int) -> Callable[[Image.Image], Image.Image]:
    def shrink(photo: Image.Image) -> Image.Image:
        factor = pixels / max(photo.size)
        size = (max(round(photo.width * factor), 1), max(round(photo.height * factor), 1))
        return photo.resize(size, Image.Resampling.BICUBIC)

    return shrink


CONDITIONS = (
    Condition("as it is", as_it_is),
    Condition("1/4 size, JPEG 30", small_jpeg),
    Condition("64 px long", longer_side(64)),
    Condition("32 px long", longer_side(32)),
    Condition("on its side", as_it_is, turns=1),
    Condition("upside down", as_it_is, turns=2),
)


def detect(photo: Image.Image, turns: int, detector: FaceDetector) -> tuple[list[Face], float]:
    """Returns the faces and the milliseconds that it took."""
    pixels = np.ascontiguousarray(np.rot90(np.asarray(photo, dtype=np.float32) / 255, turns))
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    start = time.perf_counter()
    faces = detector.detect(image)
    return faces, (time.perf_counter() - start) * 1000


def points_as_fractions(face: Face, photo: Image.Image, turns: int) -> np.ndarray:
    """Gives the six points (6, 2) as fractions of the photo before it was turned."""
    width, height = photo.size if turns % 2 == 0 else photo.size[::-1]
    x, y = ((face.keypoints + 0.5) / (width, height)).T
    for _ in range(turns):
        x, y = 1 - y, x
    return np.stack([x, y], axis=1)


def measure(condition: Condition, photos: list[tuple[Path, Face | None]], detector: FaceDetector) -> Row:
    """Tries one condition on photos, each with the largest face that was found in it untouched."""
    counts: list[int] = []
    in_place = 0
    times: list[float] = []
    for file, reference in photos:
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        changed = condition.change(photo)
        faces, milliseconds = detect(changed, condition.turns, detector)
        counts.append(len(faces))
        times.append(milliseconds)
        if faces and reference:
            there = points_as_fractions(faces[0], changed, condition.turns) * photo.size - 0.5
            offset = np.linalg.norm(there - reference.keypoints, axis=1).mean()
            in_place += bool(offset < LARGEST_OFFSET * reference.side)
    found = np.array(counts)
    return Row(
        condition=condition.name,
        photos=len(photos),
        with_a_face=round(float((found > 0).mean()), 4),
        in_place=round(in_place / len(photos), 4),
        with_more_faces=round(float((found > 1).mean()), 4),
        median_ms=round(float(np.median(times)), 1),
        worst_ms=round(max(times), 1),
    )


def largest_face(file: Path, detector: FaceDetector) -> Face | None:
    with Image.open(file) as photo:
        faces, _ = detect(photo.convert("RGB"), 0, detector)
    return faces[0] if faces else None


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
    photos = [(file, largest_face(file, detector)) for file in files]
    rows = [measure(condition, photos, detector) for condition in CONDITIONS]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print("| condition | photos | with a face | in place | with more than one | median ms | worst ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row.condition} | {row.photos} | {row.with_a_face:.1%} | {row.in_place:.1%} "
            f"| {row.with_more_faces:.1%} | {row.median_ms} | {row.worst_ms} |"
        )


if __name__ == "__main__":
    main()
