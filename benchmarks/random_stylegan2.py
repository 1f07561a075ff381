"""Writes a StyleGAN2 of random weights as a file, to time searches of a generator that is loaded from a file.

    python benchmarks/random_stylegan2.py stylegan2.safetensors [--resolution 256]
    photopulse upscale examples/face_16.png --generator stylegan2.safetensors -o out

Its pictures are noise, so only the times mean anything.
"""

import argparse
from pathlib import Path

import torch

from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--resolution", type=int, default=256)
    options = parser.parse_args()
    torch.manual_seed(0)
    settings = StyleGAN2Settings(resolution=options.resolution)
    generator = StyleGAN2(settings, name=f"random-stylegan2-{options.resolution}")
    save_checkpoint(generator, options.file)


if __name__ == "__main__":
    main()
