"""`photopulse restore`: old, blurred, noisy, small photos in, clean ones out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import (
    AsJson,
    CertificateChain,
    Device,
    Inputs,
    OutputFolder,
    Ray,
    Recursive,
    Sign,
    Threads,
    Watch,
    Workers,
    find_device,
    find_signature,
)
from photopulse.errors import PhotopulseError
from photopulse.provenance.payload import MarkChoice
from photopulse.restoration.settings import Scale

if TYPE_CHECKING:
    from photopulse.cli.workers import WorkerPlan
    from photopulse.restoration.batch_settings import RestoreBatchSettings

_REPAIR, _FACES, _OUTPUT = "Repair", "Faces", "Output"


def restore_command(
    inputs: Inputs,
    output: OutputFolder = Path("restored"),
    scale: Annotated[Scale, typer.Option(help="Width and height grow by this factor.")] = "1",
    sr: Annotated[
        Literal["own", "realesrgan"],
        typer.Option(help="What enlarges at last: the small network of photopulse, or Real-ESRGAN (slow)."),
    ] = "own",
    only: Annotated[
        Literal["face", "photo"] | None, typer.Option(help="face: nothing but the faces. photo: no look at faces.")
    ] = None,
    mode: Annotated[
        Literal["archival", "enhance"],
        typer.Option(help="archival: only noise, blocks, halftone and fading go, nothing is generated. enhance: all."),
    ] = "enhance",
    halftone: Annotated[
        Literal["off", "auto"],
        typer.Option(help="auto: remove the dots or lines of print. off: keep them, e.g. of an engraving."),
    ] = "auto",
    tone: Annotated[
        Literal["off", "auto"], typer.Option(help="auto: correct blacks, whites and colours where a photo has faded.")
    ] = "auto",
    grain: Annotated[
        bool, typer.Option("--grain", help="Add grain like the film grain that was removed, over faces too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the grain.")] = 0,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of the restoration in the result: 0 gives the input's pixels, 1 cleans all, needed or not.",
            show_default="as much as the damage asks",
        ),
    ] = None,
    repair: Annotated[
        Literal["auto", "off"],
        typer.Option(help="Fill scratches, creases, spots and tears where any are found.", rich_help_panel=_REPAIR),
    ] = "off",
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Repair what is white in this picture, which is as large as the photo, and look for no damage.",
            rich_help_panel=_REPAIR,
        ),
    ] = None,
    save_mask: Annotated[
        bool,
        typer.Option(
            "--save-mask",
            help="Also write a picture of what was repaired; turns repair on.",
            rich_help_panel=_REPAIR,
        ),
    ] = False,
    working_size: Annotated[
        int, typer.Option(min=64, metavar="PX", help="Longer side at which the photo is cleaned: less is faster.")
    ] = 640,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    ray: Ray = None,
    *,
    recursive: Recursive = False,
    watch: Watch = False,
    fidelity: Annotated[
        float,
        typer.Option(min=0, max=1, help="0: most convincing face; 1: nearest to the input.", rich_help_panel=_FACES),
    ] = 0.5,
    max_faces: Annotated[
        int,
        typer.Option(
            min=0, help="Restore so many of the largest faces, unless --face chooses.", rich_help_panel=_FACES
        ),
    ] = 32,
    face: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|X,Y",
            help="Restore only this face: its number, 1 for the largest, or a pixel within it. May be repeated.",
            rich_help_panel=_FACES,
        ),
    ] = None,
    mark: Annotated[
        MarkChoice, typer.Option(help="Invisible mark in redrawn faces, which `verify` finds.", rich_help_panel=_FACES)
    ] = "on",
    format: Annotated[
        Literal["png", "jpg", "tiff", "webp"] | None,
        typer.Option(help="Of the results; else the input's, or png.", rich_help_panel=_OUTPUT),
    ] = None,
    sign: Sign = None,
    certificate: CertificateChain = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also write before and after, side by side.", rich_help_panel=_OUTPUT)
    ] = False,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Say how damaged each photo is, and do nothing else.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace files that are no earlier results of the same photo; else results get the next free name.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Redo what an earlier run finished.", rich_help_panel=_OUTPUT)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes photos clean and sharp: old, blurred, noisy, blocky or small ones, with any number of faces.

    Inputs are never overwritten. Faces that lack detail are redrawn by a face generator so that they fit the photo:
    details that the photo lost are invented. Faces that are sharp stay as they are.

    Exit code 0: all are restored; 1: a photo failed; 130: interrupted, a rerun goes on.
    """
    # With --inspect, the command ends here.
    if inspect:
        _inspect(inputs, output, recursive=recursive, as_json=as_json)
    from photopulse.cli.workers import plan_workers
    from photopulse.restoration.batch_settings import RestoreBatchSettings
    from photopulse.restoration.choice import parse_face
    from photopulse.restoration.settings import RestoreSettings

    # Settings.
    try:
        if watch and mask is not None:
            raise ValueError("--mask is for one photo: leave --watch out")
        settings = RestoreBatchSettings(
            restore=RestoreSettings(
                mode=mode,
                halftone=halftone,
                tone=tone,
                grain=grain,
                seed=seed,
                strength=strength,
                repair="auto" if mask is not None or save_mask else repair,
                scale=float(scale),
                sr=sr,
                only=only,
                fidelity=fidelity,
                working_size=working_size,
                max_faces=max_faces,
                faces=tuple(parse_face(text) for text in face or ()),
                mark=mark,
            ),
            format=format,
            compare=compare,
            mask=mask,
            save_mask=save_mask,
            signature=find_signature(sign, certificate),
            resume=not fresh,
            overwrite=overwrite,
        )
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)
    # Restore all photos.
    planned = plan_workers(workers, threads, ray)
    _run(inputs, output, device, settings, workers=planned, recursive=recursive, watch=watch, as_json=as_json)


def _inspect(inputs: list[Path], output: Path, *, recursive: bool, as_json: bool) -> NoReturn:
    from photopulse.cli.inputs import find_pictures
    from photopulse.cli.inspect_photos import print_inspected
    from photopulse.restoration.inspect import inspect_files

    try:
        files = find_pictures(inputs, output, recursive=recursive)
    except PhotopulseError as error:
        fail(str(error), 2)
    raise typer.Exit(0 if print_inspected(inspect_files(files), as_json=as_json) else 1)


def _run(
    inputs: list[Path],
    output: Path,
    device: str,
    settings: "RestoreBatchSettings",
    *,
    workers: "WorkerPlan",
    recursive: bool,
    watch: bool,
    as_json: bool,
) -> None:
    from photopulse.cli.inputs import find_pictures, watched_pictures
    from photopulse.cli.progress import print_report, watching
    from photopulse.cli.workers import loaded_workers
    from photopulse.restoration.batch import restore_files
    from photopulse.restoration.worker import WORKER_BYTES, RestoreLoader
    from photopulse.runs.report import exit_code

    # Load the networks and restore all photos, then print the report.
    try:
        files = [] if watch else find_pictures(inputs, output, recursive=recursive, command="restore")
        more = watched_pictures(inputs, output, recursive=recursive) if watch else ()
        loader = RestoreLoader(settings=settings.restore, device=find_device(device))
        mirrored = inputs if recursive else ()
        with (
            loaded_workers(loader, workers, each=WORKER_BYTES, device=loader.device) as restorers,
            watching(quiet=as_json) as watcher,
        ):
            items = restore_files(files, output, restorers, settings, watcher, mirrored=mirrored, more=more)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    print_report("restore", items, output, as_json=as_json)
    raise typer.Exit(exit_code(items))
