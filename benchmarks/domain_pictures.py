"""Draws what `photopulse evaluate` and `photopulse upscale --count` made of small pictures of a domain, as one sheet.

    python benchmarks/domain_pictures.py SHEET.png --evaluated FOLDER/clean --answers FOLDER

For each ``--evaluated`` folder of an evaluation, one row for each of some pictures: small, bicubic, Real-ESRGAN, the
search, the true one. For each folder of ``--answers`` one row of its pictures. Both can be given several times.
"""

import argparse
from pathlib import Path
from typing import Final

from PIL import Image

METHODS: Final = ("small", "bicubic/64", "realesrgan/64", "fast/64")
SIDE, GAP = 128, 6


def tile(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        way = Image.Resampling.NEAREST if path.parent.name == "small" else Image.Resampling.BICUBIC
        return picture.convert("RGB").resize((SIDE, SIDE), way)


def evaluated_rows(folder: Path, count: int) -> list[list[Path]]:
    names = sorted(path.name for path in (folder / "small").glob("*.png"))
    some = names[:: max(len(names) // count, 1)][:count]
    return [[*(folder / method / name for method in METHODS), folder.parent / "sharp" / name] for name in some]


def draw(rows: list[list[Path]]) -> Image.Image:
    width = max(len(row) for row in rows) * (SIDE + GAP) - GAP
    sheet = Image.new("RGB", (width, len(rows) * (SIDE + GAP) - GAP), "white")
    for y, row in enumerate(rows):
        for x, path in enumerate(row):
            sheet.paste(tile(path), (x * (SIDE + GAP), y * (SIDE + GAP)))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--evaluated", type=Path, action="append", default=[])
    parser.add_argument("--answers", type=Path, action="append", default=[])
    parser.add_argument("--count", type=int, default=4, help="pictures of each evaluation")
    options = parser.parse_args()
    rows = [row for folder in options.evaluated for row in evaluated_rows(folder, options.count)]
    rows += [sorted(folder.glob("*.png")) for folder in options.answers]
    draw(rows).save(options.sheet, quality=92)


if __name__ == "__main__":
    main()
