"""Does `photopulse restore` harm what needs nothing? Clean pictures, colours of every hue, letters.

    python benchmarks/harmless.py clean NAME=FOLDER ... [--limit 60]
    python benchmarks/harmless.py colours
    python benchmarks/harmless.py figure PHOTO ... -o FIGURE.jpg

``clean`` restores sharp pictures and compares them with themselves: PSNR, and how much of the finest detail (variance
of the Laplacian) is left; ``as found`` cleans as much as the damage asks, ``strength 1`` cleans whether needed or not.
``colours`` draws a chart of 24 hues, as patches and as ribbons of 8 px, damages it and measures dE2000; Real-ESRGAN,
made small again by area, stands beside. ``figure`` shows photos noisy and blocky, restored, and as they were.
``--only photo`` everywhere: faces have a benchmark of their own.
"""

import argparse
import colorsys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from skimage import color
from torch import Tensor

from photopulse.degrade import LEVELS
from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.noise import GaussianNoise
from photopulse.images import image_files, read_image, write_image
from photopulse.images.arrays import from_uint8, to_array, to_uint8
from photopulse.images.resize import resized
from photopulse.networks.realesrgan import OVERLAP, TILE, load_realesrgan
from photopulse.networks.tiles import in_tiles
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

Restore = Callable[[Tensor], Tensor]
FIGURE_CELL = (240, 320)
HUES, PATCH, RIBBON, GAP = 24, 48, 8, 12
_colour: Any = color  # Its types are partly unknown.


def photopulse_ways() -> dict[str, Restore]:
    found, full = RestoreSettings(only="photo"), RestoreSettings(only="photo", strength=1.0)
    kit = RestoreKit.load(found)
    return {
        "as found": lambda photo: restore_photo(photo, settings=found, kit=kit).image,
        "strength 1": lambda photo: restore_photo(photo, settings=full, kit=kit).image,
    }


def print_clean(sets: dict[str, list[Path]]) -> None:
    ways = photopulse_ways()
    print("| pictures | way | PSNR, median and least | at 40 dB or more | finest detail left, median | as they were |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, files in sets.items():
        photos = [read_image(file).pixels for file in files]
        for way, restore in ways.items():
            rows = np.array([_harm(photo, restore(photo)) for photo in photos])
            psnr, detail = rows[:, 0], rows[:, 1]
            print(
                f"| {name}, {len(files)} | {way} | {np.median(psnr):.1f}, {psnr.min():.1f} | "
                f"{np.mean(psnr >= 40):.0%} | {np.median(detail):.0%} | {np.mean(psnr >= 90):.0%} |",
                flush=True,
            )


def _harm(before: Tensor, after: Tensor) -> tuple[float, float]:
    """PSNR of the 8-bit pictures (99 where they are the same), share of the finest detail."""
    old, new = (to_uint8(picture).astype(np.float32) for picture in (before, after))
    error = float(np.square(old - new).mean())
    psnr = 99.0 if error == 0 else 10 * np.log10(255**2 / error)
    old_detail, new_detail = (
        float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var()) for picture in (old, new)
    )
    return psnr, new_detail / max(old_detail, 1e-6)


def print_colours() -> None:
    chart, patches, ribbons = _chart()
    net = load_realesrgan("cpu")

    def realesrgan(photo: Tensor) -> Tensor:
        with torch.inference_mode():
            large = in_tiles(net, photo, tile=TILE, overlap=OVERLAP).clamp(0, 1)
        return resized(large, *photo.shape[2:])

    print(
        "| damage | way | patches, dE2000 mean and worst | ribbons of 8 px, mean and worst |\n| --- | --- | --- | --- |"
    )
    ways: dict[str, Restore] = {"input": lambda same: same, **photopulse_ways(), "Real-ESRGAN": realesrgan}
    for level in ("none", *LEVELS):
        random = torch.Generator().manual_seed(0)
        photo = chart if level == "none" else resized(LEVELS[level].draw(random)(chart, random), *chart.shape[2:])
        for way, restore in ways.items():
            made = restore(photo)
            cells = [_differences(chart, made, places) for places in (patches, ribbons)]
            told = " | ".join(f"{cell.mean():.1f}, {cell.max():.1f}" for cell in cells)
            print(f"| {level} | {way} | {told} |", flush=True)


def write_figure(files: list[Path], output: Path) -> None:
    """A row for each photo, its middle at full size: noise of 12 and JPEG of quality 30, restored, as it was."""
    restore = photopulse_ways()["as found"]
    rows: list[Tensor] = []
    for number, file in enumerate(files):
        random = torch.Generator().manual_seed(number)
        sharp = read_image(file).pixels
        damaged = Jpeg(30)(GaussianNoise(12)(sharp, random).clamp(0, 1), random)
        top, left = ((side - wanted) // 2 for side, wanted in zip(sharp.shape[2:], FIGURE_CELL, strict=True))
        cells = [
            picture[..., top : top + FIGURE_CELL[0], left : left + FIGURE_CELL[1]]
            for picture in (damaged, restore(damaged), sharp)
        ]
        rows.append(torch.cat(cells, dim=3))
    write_image(output, torch.cat(rows, dim=2))


def _chart() -> tuple[Tensor, list[tuple[slice, slice]], list[tuple[slice, slice]]]:
    """The chart on gray, and where the middles of its patches and ribbons are."""
    columns, cell = 8, PATCH + GAP
    picture = np.full((HUES // columns * 2 * cell + GAP, columns * cell + GAP, 3), 90, np.uint8)
    patches, ribbons = list[tuple[slice, slice]](), list[tuple[slice, slice]]()
    for number in range(HUES):
        colour = np.round(255 * np.array(colorsys.hsv_to_rgb(number / HUES, 0.8, 0.45 + 0.5 * (number % 3) / 2)))
        top, left = GAP + number // columns * 2 * cell, GAP + number % columns * cell
        picture[top : top + PATCH, left : left + PATCH] = colour
        patches.append((slice(top + 12, top + PATCH - 12), slice(left + 12, left + PATCH - 12)))
        top, middle = top + cell, left + PATCH // 2 - RIBBON // 2
        picture[top : top + PATCH, middle : middle + RIBBON] = colour
        ribbons.append((slice(top + 8, top + PATCH - 8), slice(middle + 2, middle + RIBBON - 2)))
    return from_uint8(picture), patches, ribbons


def _differences(chart: Tensor, made: Tensor, places: list[tuple[slice, slice]]) -> np.ndarray:
    true, seen = (_colour.rgb2lab(to_array(picture).clip(0, 1)) for picture in (chart, made))
    return np.array([_colour.deltaE_ciede2000(true[at].mean((0, 1)), seen[at].mean((0, 1))) for at in places])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    clean = commands.add_parser("clean")
    clean.add_argument("sets", nargs="+", metavar="NAME=FOLDER")
    clean.add_argument("--limit", type=int, default=60)
    commands.add_parser("colours")
    figure = commands.add_parser("figure")
    figure.add_argument("photos", nargs="+", type=Path)
    figure.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "colours":
        print_colours()
    elif arguments.command == "figure":
        write_figure(arguments.photos, arguments.output)
    else:
        pairs = (text.partition("=") for text in arguments.sets)
        print_clean({name: image_files([Path(folder)])[: arguments.limit] for name, _, folder in pairs})


if __name__ == "__main__":
    main()
