"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, or folders of pictures.")]
OutputFolder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of lines.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto (cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.")]


def find_device(name: str) -> str:
    """Resolves ``auto`` to the best device at hand; other names stay as they are."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
