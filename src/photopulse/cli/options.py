"""Options that several commands share.

An option's default stands twice, in the command and in the dataclass of its settings, for ``--help`` opens without
loading torch; those of `train` stand once, in modules without torch. Where it is None, ``show_default`` tells what the
settings make of that. ``tests/cli/test_defaults.py`` compares them all.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

Inputs = Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, or folders of pictures.")]
OutputFolder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of lines.")]
RECURSIVE = "--recursive"
Recursive = Annotated[bool, typer.Option(RECURSIVE, help="Also search subfolders; the results lie in the same ones.")]
Eps = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Downscaling error that is close enough.", show_default="1e-4, classic 1e-3"),
]
Device = Annotated[str, typer.Option(help="Where to compute: auto (cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.")]


def find_device(name: str) -> str:
    """Resolves ``auto`` to the best device at hand; other names stay as they are."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def given(**options: object) -> dict[str, Any]:
    """Keeps the options that the user gave; the settings' own defaults stand for the others."""
    return {name: value for name, value in options.items() if value is not None}
