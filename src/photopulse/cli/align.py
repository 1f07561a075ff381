"""`photopulse align`: photos in, small aligned faces out."""

from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import AsJson, Inputs, OutputFolder
from photopulse.errors import PhotopulseError


def align_command(
    inputs: Inputs,
    output: OutputFolder = Path("aligned"),
    size: Annotated[int, typer.Option(min=0, help="Height and width of the faces; 0 keeps 1024.")] = 32,
    *,
    padding: Annotated[
        bool, typer.Option(help="Continue photos beyond their edges (blurred mirror image) instead of black.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Finds all faces in photos, crops them as FFHQ does and makes them small, ready for `upscale`.

    Exit code 0: every photo had a face; 1: some had none or could not be read.
    """
    from photopulse.batch import align_files, exit_code, to_json
    from photopulse.cli.progress import print_item, print_summary
    from photopulse.faces.detect import FaceDetector
    from photopulse.images import image_files

    if size > 0 and 1024 % size:
        fail(f"--size must divide 1024, or be 0 for the full crop, but is {size}", 2)
    try:
        files = image_files(inputs)
        detector = FaceDetector.load()
        watch = print_item if not as_json else _ignore
        items = align_files(files, output, detector, size=size, padding=padding, on_item=watch)
    except PhotopulseError as error:
        fail(str(error), 2)
    if as_json:
        typer.echo(to_json("align", items), nl=False)
    else:
        print_summary(items, output)
    raise typer.Exit(exit_code(items))


def _ignore(_item: object) -> None:
    """Prints nothing: with --json the report is printed in the end."""
