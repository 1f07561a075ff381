"""Arguments and options that several commands of `photopulse train` share."""

from pathlib import Path
from typing import Annotated

import typer

Photos = Annotated[
    list[Path],
    typer.Argument(metavar="PHOTOS...", help="Photos, or folders of them; one named twice is used twice as often."),
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
Fresh = Annotated[bool, typer.Option("--fresh", help="Remove an earlier training in the folder and start again.")]
