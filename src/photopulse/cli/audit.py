"""`photopulse audit`: measures whether upscaling works equally well for all groups of people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from photopulse.cli.console import fail, print_note
from photopulse.cli.options import AsJson, Device, Eps, Inputs, OutputFolder, Threads, find_device, given, use_threads
from photopulse.errors import PhotopulseError
from photopulse.weights import DEFAULT_GENERATOR

if TYPE_CHECKING:
    from photopulse.audit.audit import AuditSettings
    from photopulse.audit.rows import AuditRow
    from photopulse.upscaling.upscale import UpscaleSettings


def audit_command(
    inputs: Inputs,
    output: OutputFolder = Path("audit"),
    generator: Annotated[str, typer.Option(help="A name, or a generator's file.")] = DEFAULT_GENERATOR,
    method: Annotated[
        Literal["fast", "classic"], typer.Option(help="fast: seconds a face. classic: PULSE as published.")
    ] = "fast",
    size: Annotated[int, typer.Option(min=1, help="Height and width that the faces are made small to.")] = 16,
    steps: Annotated[int | None, typer.Option(min=1, help="Of the classic search.", show_default="100")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed and photos, same audit.")] = 0,
    eps: Eps = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV: file name, then a column for each label (e.g. gender); summarised too."),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    *,
    aligned: Annotated[bool, typer.Option("--aligned", help="Inputs are faces cropped as FFHQ does.")] = False,
    faces: Annotated[
        bool, typer.Option(help="Find faces and measure their skin; without, any square pictures are audited.")
    ] = True,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces searched at once; pays on a GPU.")] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Redo what an earlier run finished.")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes sharp faces small, enlarges them again, and tells success and change of skin tone by group.

    Groups are the tone of the skin in the picture, and the labels that you give; photopulse guesses none. With
    --no-faces, for pictures of other things, the groups are the labels alone, and skin is not measured.
    Exit code 0: every photo was measured; 1: some were not; 130: interrupted, a rerun goes on.
    """
    from photopulse.audit.audit import AuditSettings
    from photopulse.audit.labels import read_labels
    from photopulse.cli.inputs import find_pictures

    # Settings.
    try:
        files = find_pictures(inputs, output)
        settings = AuditSettings(
            upscale=_search_settings(method, steps, eps),
            size=size,
            seed=seed,
            aligned=aligned,
            faces=faces,
            batch_size=batch_size,
            labels=read_labels(labels, files) if labels is not None else {},
            resume=not fresh,
        )
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)
    # Measure all photos, then print a summary.
    use_threads(threads)
    try:
        rows = _run(files, output, generator, device, settings, as_json=as_json)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    _print(rows, output, "faces" if faces else "pictures", as_json=as_json)
    raise typer.Exit(1 if any(row.error for row in rows) else 0)


def _search_settings(method: Literal["fast", "classic"], steps: int | None, eps: float | None) -> "UpscaleSettings":
    from photopulse.search.fast import FastSettings
    from photopulse.search.pulse import PulseSettings
    from photopulse.upscaling.upscale import UpscaleSettings

    if method == "fast" and steps is not None:
        raise ValueError("--steps is for the classic search: add --method classic, or leave it out")
    return UpscaleSettings(
        method=method, fast=FastSettings(**given(eps=eps)), classic=PulseSettings(**given(eps=eps, steps=steps))
    )


def _run(
    files: list[Path], output: Path, generator: str, device: str, settings: "AuditSettings", *, as_json: bool
) -> "list[AuditRow]":
    from photopulse.audit.audit import audit_files
    from photopulse.audit.figures import write_audit_figures
    from photopulse.audit.report import write_audit
    from photopulse.cli.loading import load_detector, load_with_progress
    from photopulse.cli.progress import watching

    # Load the networks and measure all photos.
    loaded = load_with_progress(generator, find_device(device))
    detector = load_detector() if settings.faces else None
    with watching(quiet=as_json) as watcher:
        rows = audit_files(files, output, loaded, settings, watcher, detector)
    # Write the tables and figures.
    write_audit(output, rows)
    write_audit_figures(output / "figures", rows)
    return rows


def _print(rows: "list[AuditRow]", output: Path, what: str, *, as_json: bool) -> None:
    from photopulse.audit.report import audit_json

    if as_json:
        typer.echo(audit_json(rows).encode(), nl=False)
        return
    failed = sum(row.error is not None for row in rows)
    print_note(f"{len(rows) - failed} {what} measured, {failed} failed; read {output / 'audit.md'}")
