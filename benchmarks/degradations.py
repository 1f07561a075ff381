"""The picture of docs/degradations.md: a portrait at the three levels of damage, and what training draws.

    python benchmarks/degradations.py [-o docs/images/degradations.jpg] [--portrait examples/portrait.jpg] [--seed 28]

The first line shows the levels, the second what the next four seeds of the training's recipe make of the portrait: the
face alone. All are brought back to the portrait's size by cubic curves, as the networks see them.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from photopulse.degrade import LEVELS, TRAINING, DamageRecipe
from photopulse.faces.detect import FaceDetector
from photopulse.images import read_image
from photopulse.images.resize import resized
from photopulse.reporting.strips import Strip, write_sheet

ROOT = Path(__file__).parents[1]
HEIGHT = 800  # What the levels are meant for.
CLOSE = 0.45  # From the middle of the face to the picture's edge, over the side of the face.
CELL = 176


def main() -> None:
    """Parses the arguments, damages, writes the sheet, prints what was drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "images" / "degradations.jpg")
    parser.add_argument("--portrait", type=Path, default=ROOT / "examples" / "portrait.jpg")
    parser.add_argument("--seed", type=int, default=28)
    arguments = parser.parse_args()
    photo = read_image(arguments.portrait).pixels
    width = round(HEIGHT * photo.shape[3] / photo.shape[2])
    sharp = resized(photo, HEIGHT, width)
    levels = {name: damaged(sharp, recipe, arguments.seed) for name, recipe in LEVELS.items()}
    window = face_window(sharp)
    drawn = [damaged(sharp, TRAINING, arguments.seed + 1 + k) for k in range(1 + len(levels))]
    first = [sharp, *(picture for picture, _ in levels.values())]
    strips = [
        Strip(pictures=[picture[(..., *window)] for picture in first]),
        Strip(pictures=[picture[(..., *window)] for picture, _ in drawn], label="training"),
    ]
    write_sheet(arguments.output, strips, columns=["sharp", *levels], cell=CELL)
    for name, (_, told) in levels.items():
        print(f"{name}: {told}")
    print("\n".join(f"training: {told}" for _, told in drawn))


def damaged(sharp: Tensor, recipe: DamageRecipe, seed: int) -> tuple[Tensor, str]:
    """Damages by a seed and brings back to the size; also says what was drawn."""
    random = torch.Generator().manual_seed(seed)
    damage = recipe.draw(random)
    return resized(damage(sharp, random), sharp.shape[2], sharp.shape[3]), damage.name


def face_window(photo: Tensor) -> tuple[slice, slice]:
    """Rows and columns of a square around the largest face."""
    left, top, right, bottom = FaceDetector.load().detect(photo)[0].box
    reach = max(right - left, bottom - top) * CLOSE
    x, y = (left + right) / 2, (top + bottom) / 2
    return slice(max(round(y - reach), 0), round(y + reach)), slice(max(round(x - reach), 0), round(x + reach))


if __name__ == "__main__":
    main()
