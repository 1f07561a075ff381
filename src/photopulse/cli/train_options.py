"""Arguments and options that several commands of `photopulse train` share, and the stages of `train face-gan`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from photopulse.errors import PhotopulseError
from photopulse.training.restoration.defaults import FACE_GAN_SIZES, FACE_GAN_STAGES, Stage

Photos = Annotated[
    list[Path],
    typer.Argument(metavar="PHOTOS...", help="Photos, or folders of them; one named twice is used twice as often."),
]
PhotosOfFaces = Annotated[
    list[Path],
    typer.Argument(
        metavar="PHOTOS...",
        help="Photos of faces, or folders of them or of faces; one named twice is used twice as often.",
    ),
]
Faces = Annotated[
    list[Path],
    typer.Argument(
        metavar="FACES...", help="Folders of FFHQ-aligned faces of 256 px; one named twice is used twice as often."
    ),
]
PhotoNet = Annotated[
    Path | None,
    typer.Option(help="A trained photo network (.safetensors); by default the one that comes with photopulse."),
]
Steps = Annotated[int, typer.Option(min=1, help="Number of batches.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Pictures per batch and process.")]
LearningRate = Annotated[float, typer.Option("--lr", min=1e-9, help="Highest learning rate.")]
Perceptual = Annotated[
    float, typer.Option("--perceptual", min=0, help="Weight of the perceptual loss; the L1 distance has the weight 1.")
]
Crop = Annotated[int, typer.Option("--crop", min=32, help="Side of the crops of the photos in px.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed for initial weights and data.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Remove an earlier training in the folder and start anew.")]


def write_stages(stages: Sequence[Stage]) -> str:
    """Writes stages as ``--stages`` takes them."""
    return ",".join(f"{stage.size}:{stage.steps}:{stage.batch_size}" for stage in stages)


def read_stages(text: str) -> tuple[Stage, ...]:
    """Reads the value of ``--stages``; raises PhotopulseError if it cannot be read."""
    try:
        numbers = [tuple(int(word) for word in part.split(":")) for part in text.split(",")]
        stages = tuple(Stage(size=size, steps=steps, batch_size=batch) for size, steps, batch in numbers)
    except ValueError:
        stages = ()
    if not stages or not all(s.size in FACE_GAN_SIZES and s.steps > 0 and s.batch_size > 0 for s in stages):
        sizes = ", ".join(str(size) for size in FACE_GAN_SIZES)
        raise PhotopulseError(
            f"cannot train in the stages {text!r}",
            why=f"each must be a size of {sizes}, a number of steps and one of faces in a batch",
            fix=f"give e.g. --stages {write_stages(FACE_GAN_STAGES)}",
        )
    return stages
