"""How near FSRNet's faces come to the truth, on pairs as the paper's authors published them for Helen and CelebA.

    python benchmarks/fsrnet.py HR_FOLDER LR_FOLDER [--network fsrnet|fsrgan|PATH] [--save FOLDER]

LR_FOLDER holds the faces of HR_FOLDER (128 x 128) made small to 16 x 16 and enlarged again by bicubic, under the same
names. Prints one line of JSON: for the input (bicubic) and the output, the means over the faces of PSNR and SSIM on
luma (protocol of the authors' script) and of the perceptual distance, and one NIQE of the whole set, for a face of
128 px has a single block. ``--save`` keeps the outputs.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from photopulse.images import image_files, read_image, write_image
from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.metrics.niqe import niqe_features, niqe_score
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.metrics.psnr import psnr_y
from photopulse.metrics.ssim import ssim
from photopulse.networks.fsrnet import FSRNet
from photopulse.networks.fsrnet_weights import load_fsrnet, read_fsrnet


def main() -> None:
    """Parses the arguments, enlarges, prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sharp", type=Path, metavar="HR_FOLDER")
    parser.add_argument("enlarged", type=Path, metavar="LR_FOLDER")
    parser.add_argument("--network", default="fsrnet", help="fsrnet, fsrgan, or a file of `photopulse train`")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the outputs there")
    arguments = parser.parse_args()

    files = pairs(arguments.sharp, arguments.enlarged)
    sharp, enlarged = (torch.cat([read_image(file).pixels for file in part]) for part in zip(*files, strict=True))
    started = time.perf_counter()
    output = run_network(open_network(arguments.network), enlarged)
    seconds = (time.perf_counter() - started) / len(files)
    if arguments.save:
        for (file, _), face in zip(files, output, strict=True):
            write_image(arguments.save / f"{file.stem}.png", face)
    features = load_features()
    results = {name: measure(faces, sharp, features) for name, faces in (("input", enlarged), ("output", output))}
    results["sharp"] = {"niqe_of_set": set_niqe(sharp)}
    told = {"network": arguments.network, "faces": len(files), "seconds_per_face": round(seconds, 4)}
    print(json.dumps(told | results))


def pairs(sharp: Path, enlarged: Path) -> list[tuple[Path, Path]]:
    """Finds the files of both folders that have the same name, whatever their extension."""
    small = {file.stem: file for file in image_files([enlarged])}
    found = [(file, small[file.stem]) for file in image_files([sharp]) if file.stem in small]
    if len(found) < 2:
        raise SystemExit(f"{sharp} and {enlarged} have {len(found)} names in common: two or more are needed")
    return found


def open_network(name: str) -> FSRNet:
    """Opens a network that comes with photopulse, or a file."""
    if name == "fsrnet" or name == "fsrgan":
        return load_fsrnet(name)
    return read_fsrnet(Path(name))


def run_network(network: FSRNet, enlarged: Tensor) -> Tensor:
    """Sharpens faces (B, 3, 128, 128) one after the other; returns them clamped to [0, 1]."""
    with torch.inference_mode():
        return torch.cat([network(face[None]).fine.clamp(0, 1) for face in enlarged])


def measure(faces: Tensor, sharp: Tensor, features: EfficientNetLite0) -> dict[str, float]:
    """Measures faces (B, 3, 128, 128) against the sharp ones."""
    with torch.inference_mode():
        distances = torch.cat(
            [perceptual_distance(features, a[None], b[None]) for a, b in zip(faces, sharp, strict=True)]
        )
    return {
        "psnr_y": round(psnr_y(faces, sharp).mean().item(), 4),
        "ssim_y": round(ssim(faces, sharp).mean().item(), 4),
        "niqe_of_set": set_niqe(faces),
        "perceptual": round(distances.mean().item(), 4),
    }


def set_niqe(faces: Tensor) -> float:
    """Computes one NIQE over all faces."""
    return round(niqe_score(np.concatenate([niqe_features(face[None]) for face in faces])), 4)


if __name__ == "__main__":
    main()
