"""Aligns portraits, makes them small, upscales them, and sums up how well it went.

    python benchmarks/portraits.py FOLDER -o OUT [--limit 16] [--size 16] [--steps 100]

FOLDER holds sharp portraits; the first ``--limit`` by name are taken. OUT receives the aligned faces, the small
ones, the results with their report, and ``sheet.jpg``: original, input, result, result made small again.
Interrupted, it goes on where it stopped.
"""

import argparse
import json
import resource
import statistics
from pathlib import Path

from PIL import Image

from photopulse import PulseSettings, UpscaleSettings, load_generator
from photopulse.degrade import Bicubic
from photopulse.faces.detect import FaceDetector
from photopulse.images import image_files, read_image, to_uint8
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.upscaling.align_batch import align_files
from photopulse.upscaling.batch import upscale_files
from photopulse.upscaling.batch_settings import BatchSettings

CELL = 256


class _Told(Watcher):
    """Prints each result."""

    def end(self, item: ReportItem, *, resumed: bool = False) -> None:
        print(item.output, item.status, item.downscale_mse, "kept" if resumed else "new", flush=True)


def main() -> None:
    """Parses the arguments, runs, prints the summary as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=16)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()

    photos = image_files([arguments.folder])[: arguments.limit]
    detector = FaceDetector.load()
    sharp = align_files(photos, arguments.output / "sharp", detector, size=0)
    small = align_files(photos, arguments.output / "small", detector, size=arguments.size)
    inputs = [Path(item.output) for item in small if item.output and item.face == 1]
    settings = BatchSettings(upscale=UpscaleSettings(method="classic", classic=PulseSettings(steps=arguments.steps)))
    items = upscale_files(inputs, arguments.output / "large", load_generator(), settings, _Told())
    originals = [Path(item.output) for item in sharp if item.output and item.face == 1]
    write_sheet(originals, inputs, items, arguments.output / "sheet.jpg")
    print(json.dumps(summarise(items)))


def summarise(items: list[ReportItem]) -> dict[str, float]:
    """Counts who reached which error, and takes the medians."""
    errors = [item.downscale_mse for item in items if item.downscale_mse is not None]
    seconds = [item.seconds for item in items if item.seconds is not None]
    return {
        "faces": len(items),
        "reached 2e-3": sum(error <= 2e-3 for error in errors),
        "reached 1e-3": sum(error <= 1e-3 for error in errors),
        "median downscale mse": statistics.median(errors),
        "worst downscale mse": max(errors),
        "median seconds": statistics.median(seconds),
        "peak memory MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def write_sheet(originals: list[Path], inputs: list[Path], items: list[ReportItem], path: Path) -> None:
    """Writes the contact sheet, two faces a row."""
    rows = [
        [
            Image.open(original),
            Image.open(small),
            Image.open(item.output),
            made_small(Path(item.output), small),
        ]
        for original, small, item in zip(originals, inputs, items, strict=True)
        if item.output
    ]
    sheet = Image.new("RGB", (8 * CELL + 16, (len(rows) + 1) // 2 * CELL), "white")
    for i, row in enumerate(rows):
        for column, picture in enumerate(row):
            method = Image.Resampling.NEAREST if picture.width < CELL else Image.Resampling.LANCZOS
            cell = picture.convert("RGB").resize((CELL, CELL), method)
            sheet.paste(cell, ((i % 2) * (4 * CELL + 16) + column * CELL, i // 2 * CELL))
    sheet.save(path, quality=85)


def made_small(large: Path, small: Path) -> Image.Image:
    """Downscales a result as the search saw it."""
    pixels = read_image(large).pixels
    factor = pixels.shape[-1] // Image.open(small).width
    return Image.fromarray(to_uint8(Bicubic(factor)(pixels)))


if __name__ == "__main__":
    main()
