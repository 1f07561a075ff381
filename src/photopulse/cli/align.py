"""`photopulse align`: photos in, small aligned faces out."""

from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import AsJson, Inputs, OutputFolder, Ray, Recursive, Workers
from photopulse.errors import PhotopulseError


def align_command(
    inputs: Inputs,
    output: OutputFolder = Path("aligned"),
    size: Annotated[int, typer.Option(min=0, help="Height and width of the faces; 0 keeps 1024.")] = 32,
    workers: Workers = None,
    ray: Ray = None,
    *,
    recursive: Recursive = False,
    padding: Annotated[
        bool, typer.Option(help="Continue photos beyond their edges (blurred mirror image) instead of black.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Finds all faces in photos, crops them as FFHQ does and makes them small, ready for `upscale`.

    Exit code 0: every photo had a face; 1: some had none or could not be read; 130: interrupted.
    """
    from photopulse.cli.inputs import find_pictures
    from photopulse.cli.progress import print_report, watching
    from photopulse.cli.workers import loaded_workers, plan_workers
    from photopulse.runs.report import exit_code
    from photopulse.upscaling.align import check_size
    from photopulse.upscaling.align_batch import align_files
    from photopulse.upscaling.align_worker import WORKER_BYTES, AlignLoader

    # Find the photos, then align and write all their faces.
    try:
        check_size(size)
        files = find_pictures(inputs, output, recursive=recursive, command="align")
        mirrored = inputs if recursive else ()
        with (
            loaded_workers(AlignLoader(), plan_workers(workers, None, ray), each=WORKER_BYTES) as aligners,
            watching(quiet=as_json) as watcher,
        ):
            items = align_files(files, output, aligners, size=size, padding=padding, mirrored=mirrored, watcher=watcher)
    except PhotopulseError as error:
        fail(str(error), 2)
    # Print the report.
    print_report("align", items, output, as_json=as_json)
    raise typer.Exit(exit_code(items))
