"""`photopulse evaluate`: sharp pictures in, tables of how well methods bring them back out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.console import fail, print_table
from photopulse.cli.options import Device, OutputFolder, Recursive, find_device, given
from photopulse.errors import PhotopulseError
from photopulse.weights import DEFAULT_GENERATOR

if TYPE_CHECKING:
    from photopulse.evaluation.settings import EvaluateSettings

_TASK, _MEASURES = "Task", "Measures"


def evaluate_command(
    inputs: Annotated[list[Path], typer.Argument(metavar="HR...", help="Sharp photos, or folders of them.")],
    output: OutputFolder = Path("evaluation"),
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            metavar="A,B",
            help="Of nearest, bicubic, lanczos, realesrgan, fsrnet, fsrgan, pulse, pulse:STEPS, fast, "
            "fast:draft, fast:best, fast:exact. Those of --restore are said there.",
            show_default="nearest,bicubic,pulse",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD=N", help="A slow method works on the first N pictures only; repeatable."),
    ] = None,
    generator: Annotated[str, typer.Option(help="For searches: a name, or a generator's file.")] = DEFAULT_GENERATOR,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of searches and of noise.")] = 0,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Processes; they share the processor.")] = 1,
    *,
    recursive: Recursive = False,
    restore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEVEL",
            help="Damage whole photos instead, light, medium or heavy, and restore them; repeatable. With methods of "
            "input, bicubic, lanczos, nlm, nlm:STRENGTH, realesrgan, restore, restore:FIDELITY, restore:photo.",
            rich_help_panel=_TASK,
        ),
    ] = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The pictures are aligned faces already.", rich_help_panel=_TASK)
    ] = False,
    corruption: Annotated[
        list[str] | None,
        typer.Option(
            help="What spoils the sharp face first: clean, or e.g. noise:25, motion:100, noise:25+jpeg:30; repeatable.",
            show_default="clean",
            rich_help_panel=_TASK,
        ),
    ] = None,
    degradation: Annotated[
        str, typer.Option(help="Then it is made small by: bicubic, box, ...", rich_help_panel=_TASK)
    ] = "bicubic",
    small: Annotated[int, typer.Option(min=1, help="To so many pixels.", rich_help_panel=_TASK)] = 16,
    size: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Results are measured at this size; repeatable.",
            show_default="128 and 1024",
            rich_help_panel=_TASK,
        ),
    ] = None,
    curves: Annotated[
        bool, typer.Option("--curves", help="Record how searches go on.", rich_help_panel=_MEASURES)
    ] = False,
    perceptual: Annotated[
        bool, typer.Option(help="Perceptual distance, and KD and FD of the sets.", rich_help_panel=_MEASURES)
    ] = True,
    identity: Annotated[bool, typer.Option(help="Likeness of the person.", rich_help_panel=_MEASURES)] = True,
    faces: Annotated[
        bool,
        typer.Option(
            help="The detector's confidence in a face, the shift of skin tone, and the faces of photos by themselves.",
            rich_help_panel=_MEASURES,
        ),
    ] = True,
    lpips: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="ALEXNET.pth",
            help="LPIPS too, with torchvision's alexnet-owt-7be5be79.pth.",
            rich_help_panel=_MEASURES,
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Redo what an earlier run finished.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print table.json instead of lines.")] = False,
) -> None:
    """Makes sharp faces small, or damages sharp photos, brings them back by several methods and measures the results.

    Exit code 0: all went well; 3: a search did not come close enough to its input; 1: a picture failed;
    130: interrupted, a rerun goes on.
    """
    from photopulse.evaluation.settings import RESTORERS, EvaluateSettings

    # Settings; `--restore` has methods of its own.
    named = RESTORERS if restore else None
    try:
        settings = EvaluateSettings(
            restore=tuple(restore or ()),
            degradation=degradation,
            small=small,
            aligned=aligned,
            seed=seed,
            limits=tuple(_limit(text) for text in limit or []),
            generator=generator,
            device=find_device(device),
            curves=curves,
            perceptual=perceptual,
            identity=identity,
            faces=faces,
            lpips=lpips,
            workers=workers,
            resume=not fresh,
            **given(
                methods=tuple(method.strip() for method in methods.split(",")) if methods is not None else named,
                corruptions=tuple(corruption) if corruption else None,
                sizes=tuple(size) if size else None,
            ),
        )
    except (PhotopulseError, ValueError) as error:
        fail(str(error), 2)
    # Run the methods, measure their results and print the table.
    _run(inputs, output, settings, recursive=recursive, as_json=as_json)


def _limit(text: str) -> tuple[str, int]:
    method, _, number = text.rpartition("=")
    if not method or not number.isdecimal():
        raise ValueError(f"cannot read the limit {text!r}: write for example pulse=16")
    return method, int(number)


def _run(inputs: list[Path], output: Path, settings: "EvaluateSettings", *, recursive: bool, as_json: bool) -> None:
    from photopulse.cli.inputs import find_pictures
    from photopulse.cli.loading import load_detector
    from photopulse.cli.progress import watching
    from photopulse.evaluation.evaluate import evaluate_files, exit_code_of

    # Find the pictures, then run all methods and measure their results.
    try:
        files = find_pictures(inputs, output, recursive=recursive)
        detector = load_detector() if settings.finds_faces else None
        mirrored = inputs if recursive else ()
        with watching(quiet=True) as watcher:
            rows = evaluate_files(files, output, settings, watcher, detector=detector, mirrored=mirrored)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    # Print the table that was written.
    print_table(output, as_json=as_json)
    raise typer.Exit(exit_code_of(rows))
