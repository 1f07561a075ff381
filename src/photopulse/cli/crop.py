"""`photopulse crop`: pictures with boxes in, square crops to train a generator on out."""

from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import AsJson, Inputs, OutputFolder, Subfolders
from photopulse.errors import PhotopulseError


def crop_command(
    inputs: Inputs,
    output: OutputFolder = Path("crops"),
    boxes: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="Folder of Pascal VOC files (.xml), COCO file (.json), table (.csv), masks, bright, centre or grid.",
        ),
    ] = "centre",
    size: Annotated[int, typer.Option(min=8, max=1024, help="Height and width of the crops.")] = 64,
    margin: Annotated[
        float, typer.Option(min=0, max=4, help="Added on each side of a box, as a share of its longer side.")
    ] = 0.1,
    side: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the squares in px of the picture.", show_default="box with its margins"),
    ] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder of masks, named as their pictures.")] = None,
    labels: Annotated[str | None, typer.Option(metavar="A,B", help="Only things of these names.")] = None,
    least: Annotated[float, typer.Option(min=0, help="Least width and height of a box in px.")] = 16,
    most: Annotated[float | None, typer.Option(min=1, help="Most width and height of a box in px.")] = None,
    ratio: Annotated[
        float, typer.Option(min=0, max=1, help="Least ratio of a box's shorter side to its longer.")
    ] = 0.0,
    hold_out: Annotated[int, typer.Option(min=0, help="One picture in so many is kept for measuring; 0 for none.")] = 7,
    *,
    inside: Annotated[bool, typer.Option("--inside", help="Leave out what touches an edge of its picture.")] = False,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Stretch each picture's grey levels, e.g. of dark or 16-bit ones.")
    ] = False,
    recursive: Subfolders = False,
    as_json: AsJson = False,
) -> None:
    """Crops squares around cells, galaxies, faces or whatever has boxes, to train a generator on.

    They lie in DIR/train and DIR/measure; all crops of a picture are in the same of the two. Exit code 0: every picture
    gave a crop; 1: some gave none or could not be read.
    """
    from photopulse.cli.inputs import find_pictures
    from photopulse.cli.progress import print_report, watching
    from photopulse.runs.report import exit_code
    from photopulse.training.crops.boxes import BoxFilter
    from photopulse.training.crops.crop import CropSettings, crop_files
    from photopulse.training.crops.find import box_finder
    from photopulse.training.crops.matching import Pictures

    # Settings.
    wanted = frozenset(label.strip() for label in (labels or "").split(",") if label.strip())
    settings = CropSettings(
        size=size,
        margin=margin,
        side=side,
        boxes=BoxFilter(labels=wanted, least=least, most=most, ratio=ratio, inside=inside),
        hold_out=hold_out,
        stretch=stretch,
    )
    # Find the pictures and boxes, then crop.
    try:
        files = find_pictures(inputs, output, recursive=recursive)
        pictures = Pictures(files=files, folders=[path for path in inputs if path.is_dir()], recursive=recursive)
        finder = box_finder(boxes, pictures, masks=masks, side=side or size, named=bool(wanted))
        with watching(quiet=as_json) as watcher:
            items = crop_files(files, output, finder, settings, watcher=watcher)
    except PhotopulseError as error:
        fail(str(error), 2)
    # Print the report.
    print_report("crop", items, output, as_json=as_json)
    raise typer.Exit(exit_code(items))
