"""How well `photopulse restore` restores faces: naturalness, likeness, and what they cost.

    python benchmarks/face_restoration.py inputs PHOTOS -o OUT --level heavy     # or none: the photos as they are
    python benchmarks/face_restoration.py run OUT [--scale 2] [--limit 20]
    python benchmarks/face_restoration.py measure OUT [--results NAME=FOLDER ...]
    python benchmarks/face_restoration.py figure OUT NAME ... -o FIGURE.jpg

``inputs`` writes what is to be restored, so that other programs can restore the same; ``--results`` measures what they
made of it, pictures by the same names. All is measured on FFHQ-aligned crops of 512 px: NIQE, the distance of dlib's
embeddings, the perceptual distance, and the kernel distance (KD) of the whole set, to the sharp faces where there are
such (a level was chosen), else to the inputs. ``measure`` also draws a sheet of all crops.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from photopulse.degrade import LEVELS
from photopulse.faces.align import Alignment, ffhq_quad
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import ffhq_landmarks
from photopulse.images import image_files, read_image, write_image
from photopulse.images.resize import resized
from photopulse.metrics.features import load_features
from photopulse.metrics.identity import identity_distance, load_identity
from photopulse.metrics.kid import kernel_distance
from photopulse.metrics.niqe import niqe
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.restoration.face_restorer import DrawnFace
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

FIDELITIES = (0.0, 0.5, 1.0)
SIDE = 512


def write_inputs(photos: list[Path], out: Path, level: str) -> None:
    """Writes each photo, damaged and brought back to its size if a level is given, and its face's square."""
    detector, squares = FaceDetector.load(), {}
    for seed, path in enumerate(photos):
        photo = read_image(path).pixels
        faces = detector.detect(photo)
        if not faces:
            continue
        mesh = detector.mesher.face_mesh(photo, faces[0])
        squares[path.stem] = (ffhq_quad(*ffhq_landmarks(mesh)) / (photo.shape[3], photo.shape[2])).tolist()
        write_image(out / "sharp" / f"{path.stem}.png", photo)
        if level != "none":
            random = torch.Generator().manual_seed(seed)
            photo = resized(LEVELS[level].draw(random)(photo, random).clamp(0, 1), *photo.shape[2:])
        write_image(out / "input" / f"{path.stem}.png", photo)
    (out / "squares.json").write_text(json.dumps({"level": level, "squares": squares}))


class Remembering:
    """Draws each photo's faces once for all fidelities, which only choose among bands."""

    def __init__(self, kit: RestoreKit) -> None:
        self._restorer = kit.face_restorer
        self.drawn: list[DrawnFace] | None = None
        self.fingerprint = ""

    def restore(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        assert self._restorer is not None
        if self.drawn is None:
            self.drawn = self._restorer.restore(crops, resolutions)
        return self.drawn


def run(out: Path, scale: float, limit: int) -> None:
    kit = RestoreKit.load(RestoreSettings(scale=scale))
    memory = Remembering(kit)
    kit = replace(kit, face_restorer=memory)
    told: dict[str, dict[str, object]] = {}
    for path in image_files([out / "input"])[:limit]:
        memory.drawn, started = None, time.perf_counter()
        for fidelity in FIDELITIES:
            restored = restore_photo(path, settings=RestoreSettings(scale=scale, fidelity=fidelity), kit=kit)
            if fidelity == FIDELITIES[0]:
                told[path.stem] = {
                    "seconds": time.perf_counter() - started,
                    "why_not": [face.why_not for face in (restored.faces or ())[:1]],
                }
            restored.save(out / f"fidelity-{fidelity:g}" / path.name)
        restore_photo(path, settings=RestoreSettings(scale=scale, only="photo"), kit=kit).save(
            out / "photo" / path.name
        )
    (out / "told.json").write_text(json.dumps(told))


def measure(out: Path, others: dict[str, Path]) -> None:
    content = json.loads((out / "squares.json").read_text())
    told = json.loads((out / "told.json").read_text())
    folders = {"sharp": out / "sharp"} if content["level"] != "none" else {}
    folders |= {"input": out / "input"} | others
    folders |= {name: out / name for name in ("photo", *(f"fidelity-{fidelity:g}" for fidelity in FIDELITIES))}
    stems = [stem for stem in told if all((folder / f"{stem}.png").is_file() for folder in folders.values())]
    crops = {name: [crop_of(folders[name], stem, content["squares"][stem]) for stem in stems] for name in folders}
    truth = crops[next(iter(folders))]
    identity, net = load_identity(), load_features()
    embedded = [identity.embed(crop) for crop in truth]
    pooled = torch.cat(list(pooled_features(truth)))
    print(f"{len(stems)} faces, level {content['level']}, {median(t['seconds'] for t in told.values()):.1f} s a photo")
    left = [reason for stem in stems for reason in told[stem]["why_not"] if reason]
    print(f"left: {len(left)}", {reason: left.count(reason) for reason in set(left)})
    print("| method | NIQE | identity distance | perceptual | KD, 1e-3 |\n| --- | --- | --- | --- | --- |")
    for name, pictures in crops.items():
        likeness = [identity_distance(identity.embed(crop), own) for crop, own in zip(pictures, embedded, strict=True)]
        with torch.no_grad():
            pairs = zip(pictures, truth, strict=True)
            looks = [perceptual_distance(net, crop, sharp).item() for crop, sharp in pairs]
        same = name == next(iter(folders))
        kd = 0.0 if same else kernel_distance(torch.cat(list(pooled_features(pictures))), pooled, paired=True).value
        figures = f"{median(map(niqe, pictures)):.2f} | {median(likeness):.3f} (mean {np.mean(likeness):.3f})"
        print(f"| {name} | {figures} | {np.mean(looks):.3f} | {kd * 1e3:.1f} |")
    rows = [torch.cat([crops[name][i] for name in folders], dim=3) for i in range(len(stems))]
    for page in range(0, len(rows), 8):
        sheet = torch.cat(rows[page : page + 8], dim=2)
        half = (round(sheet.shape[2] / 2), round(sheet.shape[3] / 2))
        write_image(out / f"sheet_{page // 8}.jpg", resized(sheet, *half))


def draw_figure(out: Path, stems: list[str], path: Path) -> None:
    """Draws the faces before and, below, after."""
    squares = json.loads((out / "squares.json").read_text())["squares"]
    folders = (out / "input", out / "fidelity-0.5")
    rows = [torch.cat([crop_of(folder, stem, squares[stem]) for stem in stems], dim=3) for folder in folders]
    figure = torch.cat(rows, dim=2)
    width = 1600
    write_image(path, resized(figure, round(width * figure.shape[2] / figure.shape[3]), width))


def pooled_features(pictures: list[Tensor]) -> Iterator[Tensor]:
    net = load_features()
    with torch.no_grad():
        for picture in pictures:
            yield net.pooled(picture)


def crop_of(folder: Path, stem: str, square: list[list[float]]) -> Tensor:
    photo = read_image(folder / f"{stem}.png").pixels
    quad = np.array(square) * (photo.shape[3], photo.shape[2])
    return Alignment(quad=quad, size=SIDE).crop(photo).clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    inputs = commands.add_parser("inputs")
    inputs.add_argument("photos", type=Path, nargs="+")
    inputs.add_argument("-o", "--out", type=Path, required=True)
    inputs.add_argument("--level", choices=("none", *LEVELS), default="none")
    runner = commands.add_parser("run")
    runner.add_argument("out", type=Path)
    runner.add_argument("--scale", type=float, default=1.0)
    runner.add_argument("--limit", type=int, default=10**6)
    measurer = commands.add_parser("measure")
    measurer.add_argument("out", type=Path)
    measurer.add_argument("--results", nargs="*", default=[])
    figure = commands.add_parser("figure")
    figure.add_argument("out", type=Path)
    figure.add_argument("names", nargs="+")
    figure.add_argument("-o", "--path", type=Path, required=True)
    given = parser.parse_args()
    if given.command == "inputs":
        write_inputs(image_files(given.photos), given.out, given.level)
    elif given.command == "run":
        run(given.out, given.scale, given.limit)
    elif given.command == "figure":
        draw_figure(given.out, given.names, given.path)
    else:
        named = (text.partition("=") for text in given.results)
        measure(given.out, {name: Path(folder) for name, _, folder in named})


if __name__ == "__main__":
    main()
