"""Measures the invisible mark: how visible it is, what it survives, and how often unmarked pictures seem marked.

    python benchmarks/marks.py FACES --unmarked PHOTOS [--unmarked MORE]

FACES is a folder of unmarked generated faces (`photopulse sample 20 --mark off`). The tables go to stdout.
"""

import argparse
import io
import random
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.images import from_uint8, image_files, read_image, to_uint8
from photopulse.metrics import psnr
from photopulse.provenance.embed import add_mark
from photopulse.provenance.find import THRESHOLD, find_mark
from photopulse.provenance.payload import BITS, payload_of

Change = Callable[[Image.Image], Image.Image]


def encoded(kind: str, quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, kind, quality=quality)
        return Image.open(stream).convert("RGB")

    return change


def resized(share: float, kind: Image.Resampling = Image.Resampling.LANCZOS) -> Change:
    return lambda picture: picture.resize((round(picture.width * share), round(picture.height * share)), kind)


def cropped(share: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        side = round(picture.width * share)
        left, top = (random.randrange(picture.width - side + 1) for _ in range(2))
        return picture.crop((left, top, left + side, top + side))

    return change


def noisy(deviation: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        pixels = np.asarray(picture, np.float64)
        added = pixels + np.random.default_rng(0).normal(0, deviation, pixels.shape)
        return Image.fromarray(added.round().clip(0, 255).astype(np.uint8))

    return change


def turned(degrees: float) -> Change:
    return lambda picture: picture.rotate(degrees, Image.Resampling.BICUBIC)


def after(*changes: Change) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        for one in changes:
            picture = one(picture)
        return picture

    return change


CHANGES: dict[str, Change] = {
    "none": lambda picture: picture,
    **{f"JPEG {quality}": encoded("JPEG", quality) for quality in (90, 75, 50, 30)},
    **{f"WebP {quality}": encoded("WEBP", quality) for quality in (80, 50)},
    **{f"resized to {share:.0%}": resized(share) for share in (0.75, 0.5, 0.25)},
    "resized to 150 %": resized(1.5),
    **{f"crop of {share:.0%} of each side": cropped(share) for share in (0.8, 0.5)},
    "crop of 50%, JPEG 75": after(cropped(0.5), encoded("JPEG", 75)),
    "resized to 50%, JPEG 75": after(resized(0.5), encoded("JPEG", 75)),
    "resized to 25%, JPEG 75": after(resized(0.25), encoded("JPEG", 75)),
    "screenshot: crop of 90%, 61.8%, JPEG 80": after(
        cropped(0.9), resized(0.618, Image.Resampling.BILINEAR), encoded("JPEG", 80)
    ),
    "blur, sigma 1": lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
    "blur, sigma 2": lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
    "noise, 5 of 255": noisy(5),
    "noise, 15 of 255": noisy(15),
    "brightness 130%": lambda picture: ImageEnhance.Brightness(picture).enhance(1.3),
    "brightness 60%": lambda picture: ImageEnhance.Brightness(picture).enhance(0.6),
    "contrast 150%": lambda picture: ImageEnhance.Contrast(picture).enhance(1.5),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "quarter turn": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "turned by 0.5 degrees": turned(0.5),
    "turned by 2 degrees": turned(2),
}


def tensor(picture: Image.Image) -> Tensor:
    return from_uint8(np.asarray(picture))


def measure_marked(faces: list[Path], kept: Path | None) -> None:
    quality: list[float] = []
    seconds: list[float] = []
    pictures: list[tuple[Image.Image, int]] = []
    shrunk: dict[int, list[float]] = {16: [], 32: [], 64: [], 256: []}
    for seed, path in enumerate(faces):
        plain = read_image(path).pixels
        payload = payload_of("sample", generator="benchmark", seed=seed)
        started = time.perf_counter()
        marked = add_mark(plain, payload)
        seconds.append(time.perf_counter() - started)
        written = to_uint8(marked)
        pictures.append((Image.fromarray(written), payload.number))
        quality.append(psnr(from_uint8(written), plain).item())
        for side, errors in shrunk.items():
            down = Bicubic(plain.shape[-1] // side)
            errors.append((down(marked) - down(plain)).square().mean().item())
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            pictures[-1][0].save(kept / f"{path.stem}.png")
    print(f"{len(faces)} faces; PSNR {min(quality):.1f} to {max(quality):.1f} dB, mean {np.mean(quality):.1f}")
    print(f"writing: {1000 * float(np.median(seconds)):.0f} ms (median)")
    for side, errors in shrunk.items():
        print(f"change of the picture downscaled to {side} px: mean squared error up to {max(errors):.1e}")
    print(
        f"threshold {THRESHOLD:.2f}\n\n| change | recognised | payload read | bits right | lowest score | ms (median) |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, change in CHANGES.items():
        measure_change(name, change, pictures)


def measure_change(name: str, change: Change, pictures: list[tuple[Image.Image, int]]) -> None:
    scores: list[float] = []
    seconds: list[float] = []
    right: list[int] = []
    read = 0
    for picture, number in pictures:
        changed = tensor(change(picture))
        started = time.perf_counter()
        found = find_mark(changed)
        seconds.append(time.perf_counter() - started)
        scores.append(found.score)
        read += found.payload is not None and found.payload.number == number
        right.append(BITS - (found.decoded ^ number).bit_count() if found.decoded is not None else BITS // 2)
    recognised = sum(score >= THRESHOLD for score in scores)
    bits = sum(right) / (BITS * len(right))
    cells = [name, f"{recognised}/{len(scores)}", f"{read}/{len(scores)}", f"{bits:.1%}", f"{min(scores):.1f}"]
    print("| " + " | ".join([*cells, f"{1000 * float(np.median(seconds)):.0f}"]) + " |", flush=True)


def measure_unmarked(files: list[Path]) -> None:
    scores: list[float] = []
    for path in files:
        try:
            scores.append(find_mark(read_image(path).pixels).score)
        except PhotopulseError:
            continue
    alarms = sum(score >= THRESHOLD for score in scores)
    print(
        f"\n{len(scores)} unmarked pictures: {alarms} false alarms; largest score {max(scores):.2f} of {THRESHOLD:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--unmarked", type=Path, action="append", default=[])
    parser.add_argument("--most", type=int, default=2000, help="Unmarked pictures of each folder.")
    parser.add_argument("--keep", type=Path, help="Folder for the marked pictures.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    random.seed(0)
    faces = sorted(arguments.faces.glob("*.png"))
    if faces:
        measure_marked(faces, arguments.keep)
    files = [path for folder in arguments.unmarked for path in list(image_files(folder))[: arguments.most]]
    if files:
        measure_unmarked(files)


if __name__ == "__main__":
    main()
