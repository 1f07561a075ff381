"""Does `photopulse restore` find damage, spare what is whole, and fill better than the classical ways?

    python benchmarks/repair.py find PHOTO-OR-FOLDER ... [--limit 100]
    python benchmarks/repair.py fill PHOTO-OR-FOLDER ... [--limit 100]
    python benchmarks/repair.py show PHOTO-OR-FOLDER ... -o FOLDER
    python benchmarks/repair.py figure PHOTO ... -o FIGURE.jpg

``find`` wears sharp pictures as ``degrade/wear.py`` does, scans them, and compares the mask that is found with the one
that was drawn (precision, recall, F1 of the pixels, over all pictures and of each); then it looks at the same pictures,
scanned but not worn: all that is found there is false. ``fill`` fills the drawn mask, 2 px wider, by the network, by
the smooth fill that it begins with, by OpenCV's two ways and scikit-image's biharmonic one, and measures PSNR within,
in the middle 320 px of each picture: the biharmonic way takes minutes for a whole one. ``show`` writes, for each photo
in which damage is found, before, mask and after side by side. ``figure`` is of worn pictures, whose truth is known.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from photopulse.degrade.wear import SCANNED, wear
from photopulse.images import Photo, image_files, read_image, write_image
from photopulse.images.arrays import from_uint8, to_array, to_tensor, to_uint8
from photopulse.images.resize import resized
from photopulse.networks.inpaint import fill_holes, fill_smoothly
from photopulse.networks.shipped import load_inpaint_net
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.repair import find_damage, repair
from photopulse.restoration.settings import RestoreSettings

MIDDLE, WIDER = 320, 2
FIGURE_HEIGHT = 320


def scanned(picture: Tensor, random: torch.Generator) -> Tensor:
    return resized(SCANNED.draw(random)(picture, random), *picture.shape[2:])


def as_photo(pixels: Tensor) -> Photo:
    return Photo(pixels=pixels, alpha=None, gray=False, bits=8, icc_profile=None, exif=None)


def load_networks() -> RestoreNetworks:
    return RestoreNetworks(RestoreKit.load(RestoreSettings(only="photo", repair="auto")), "a picture")


def worn(files: list[Path]) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Of each file: worn and scanned, the mask, scanned only, and as it is; every second one black and white."""
    for place, file in enumerate(files):
        sharp = read_image(file).pixels
        if place % 2:
            sharp = sharp.mean(1, keepdim=True).repeat(1, 3, 1, 1)
        random = torch.Generator().manual_seed(place)
        damaged = wear(sharp, random)
        pictures = (scanned(one, random) for one in (damaged.picture, sharp))
        shown, whole = (one.mean(1, keepdim=True).repeat(1, 3, 1, 1) if place % 2 else one for one in pictures)
        yield shown, damaged.mask, whole, sharp


def print_found(files: list[Path]) -> None:
    networks = load_networks()
    counts, scores, false = np.zeros(3), [], []
    with torch.no_grad():
        for shown, mask, whole, _ in worn(files):
            found = find_damage(as_photo(shown), networks.damage)
            counts += (hit := float((found * mask).sum()), float(found.sum()), float(mask.sum()))
            scores.append(2 * hit / max(float(found.sum() + mask.sum()), 1))
            false.append(find_damage(as_photo(whole), networks.damage).mean().item())
    hit, found, true = counts
    print("| pictures | precision | recall | F1, all | F1, median | false in whole ones, mean and worst | none found |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {len(files)} | {hit / max(found, 1):.3f} | {hit / true:.3f} | {2 * hit / (found + true):.3f} | "
        f"{np.median(scores):.3f} | {np.mean(false):.4%}, {max(false):.3%} | {np.mean(np.array(false) == 0):.0%} |"
    )


def methods() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    net = load_inpaint_net()

    def opencv(method: int) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda picture, hole: from_uint8(
            cv2.inpaint(to_uint8(picture), hole[0, 0].numpy().astype(np.uint8), 3, method)
        )

    def biharmonic(picture: Tensor, hole: Tensor) -> Tensor:
        return to_tensor(inpaint_biharmonic(to_array(picture), hole[0, 0].numpy() > 0, channel_axis=2))

    return {
        "photopulse": lambda picture, hole: fill_holes(net, picture, hole),
        "smooth fill": fill_smoothly,
        "OpenCV, Telea": opencv(cv2.INPAINT_TELEA),
        "OpenCV, Navier-Stokes": opencv(cv2.INPAINT_NS),
        "scikit-image, biharmonic": biharmonic,
    }


def print_filled(files: list[Path]) -> None:
    rows: dict[str, list[float]] = {name: [] for name in methods()}
    seconds = dict.fromkeys(rows, 0.0)
    for shown, mask, _, sharp in worn(files):
        top, left = (max(side - MIDDLE, 0) // 2 for side in shown.shape[2:])
        picture, drawn, truth = (one[:, :, top : top + MIDDLE, left : left + MIDDLE] for one in (shown, mask, sharp))
        hole = F.max_pool2d(drawn, 2 * WIDER + 1, stride=1, padding=WIDER)
        if not hole.any():
            continue
        for name, fill in methods().items():
            started = time.perf_counter()
            with torch.no_grad():
                filled = fill(picture, hole).clamp(0, 1)
            seconds[name] += time.perf_counter() - started
            error = ((filled - truth).square() * hole).sum() / (3 * hole.sum())
            rows[name].append(-10 * np.log10(max(error.item(), 1e-9)))
    first = np.array(rows["photopulse"])
    print("| method | PSNR within the mask, mean and median, dB | photopulse is better in | seconds |")
    print("| --- | --- | --- | --- |")
    for name, values in rows.items():
        better = "" if name == "photopulse" else f"{np.mean(first > np.array(values)):.0%}"
        mean = f"{np.mean(values):.2f}, {np.median(values):.2f}"
        print(f"| {name} | {mean} | {better} | {seconds[name] / len(values):.2f} |")


def show(files: list[Path], folder: Path) -> None:
    networks = load_networks()
    for file in files:
        photo = read_image(file)
        with torch.no_grad():
            repaired = repair(photo, networks, None)
        share = repaired.mask.mean().item()
        print(f"{file.name}  {share:.3%}", flush=True)
        if share:
            sheet = torch.cat([photo.pixels, repaired.mask.expand(-1, 3, -1, -1), repaired.pixels], dim=3)
            write_image(folder / f"{file.stem}.png", sheet)


def write_figure(files: list[Path], path: Path) -> None:
    networks = load_networks()
    rows: list[Tensor] = []
    for shown, _, _, sharp in worn(files):
        with torch.no_grad():
            repaired = repair(as_photo(shown), networks, None)
        parts = (shown, repaired.mask.expand(-1, 3, -1, -1), repaired.pixels, sharp)
        width = round(FIGURE_HEIGHT * sharp.shape[3] / sharp.shape[2])
        rows.append(torch.cat([resized(one, FIGURE_HEIGHT, width) for one in parts], dim=3))
    least = min(row.shape[3] for row in rows)
    write_image(path, torch.cat([row[..., :least] for row in rows], dim=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("find", "fill", "show", "figure"))
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("-o", "--output", type=Path, default=Path("repaired"))
    args = parser.parse_args()
    files = [file for path in args.photos for file in image_files([path])][: args.limit]
    if args.what == "find":
        print_found(files)
    elif args.what == "fill":
        print_filled(files)
    elif args.what == "show":
        args.output.mkdir(parents=True, exist_ok=True)
        show(files, args.output)
    else:
        write_figure(files, args.output)


if __name__ == "__main__":
    main()
