"""`photopulse models export`: generators and restoration networks for other runtimes."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from photopulse.cli.console import fail, printable
from photopulse.errors import PhotopulseError

if TYPE_CHECKING:
    from photopulse.adapters.export.parts import Part
    from photopulse.adapters.export.write import Exported


def export_command(
    name: Annotated[str, typer.Argument(help="A generator's name or file, or a restoration network, e.g. photo.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")] = Path(
        "exported"
    ),
    *,
    form: Annotated[Literal["onnx", "openvino"], typer.Option("--format", help="ONNX, or OpenVINO IR.")] = "onnx",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Writes networks as ONNX or OpenVINO files, and compares each with PyTorch.

    Of a generator: mapping (z to ws), synthesis (ws to an image) and, if it has one, the encoder (small face to ws).
    The restoration networks are photo, full-size, enlarge, damage-mask, inpaint and face-64. Needs the extra `export`.
    """
    import torch

    from photopulse.adapters.export.write import export_part, require_packages
    from photopulse.cli.progress import spinner

    # Load, then export part by part.
    random = torch.Generator().manual_seed(0)
    try:
        require_packages(form)
        with spinner(f"loading {name}") as tell:
            exported: list[Exported] = []
            for part in _parts(name):
                tell(f"exporting {part.name}")
                exported.append(export_part(part, output, form, random=random))
    except PhotopulseError as error:
        fail(str(error), 2)
    # Print what was written.
    if as_json:
        rows = [
            {"part": one.part, "files": [str(file) for file in one.files], "difference": one.difference}
            for one in exported
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for one in exported:
        files = "  ".join(printable(str(file)) for file in one.files)
        typer.echo(f"{files}  differs from PyTorch by {one.difference:.1e}")


def _parts(name: str) -> "list[Part]":
    from photopulse.adapters.export.parts import RESTORATION, generator_parts
    from photopulse.generators.files.load import load_generator
    from photopulse.search.prior_cache import find_prior

    if name in RESTORATION:
        return [RESTORATION[name]()]
    generator = load_generator(name)
    return generator_parts(generator, find_prior(generator) if not generator.c_dim else None)
