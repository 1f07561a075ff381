"""`photopulse upscale`: small faces in, large faces out."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import (
    AsJson,
    CertificateChain,
    Device,
    Eps,
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
    given,
)
from photopulse.errors import PhotopulseError
from photopulse.provenance.payload import MarkChoice
from photopulse.search.names import NoiseKind, OptimizerName, Quality, ScheduleName
from photopulse.weights import DEFAULT_GENERATOR

if TYPE_CHECKING:
    from photopulse.cli.workers import WorkerPlan
    from photopulse.upscaling.worker import UpscaleLoader

_FLAGS = {"learning_rate": "--lr", "noise": "--noise, --trainable-noise or --zero-noise"}
_INPUT, _CLASSIC, _OUTPUT = "Input", "Classic search", "Output"


def upscale_command(
    inputs: Inputs,
    output: OutputFolder = Path("out"),
    generator: Annotated[str, typer.Option(help="A name, or a generator's file.")] = DEFAULT_GENERATOR,
    method: Annotated[
        Literal["fast", "classic"], typer.Option(help="fast: seconds a face. classic: PULSE as published.")
    ] = "fast",
    quality: Annotated[Quality, typer.Option(help="Of the fast search: how long it tries.")] = "normal",
    count: Annotated[int, typer.Option(min=1, help="Different answers for each face.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Same seed and --count, same faces; result k has seed + k.")
    ] = 0,
    eps: Eps = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Of the fast search: stop trying then.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    ray: Ray = None,
    *,
    recursive: Recursive = False,
    watch: Watch = False,
    align: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|none",
            help="Inputs are photos: find faces, crop, shrink to SIZE. none: they are small, whatever they show.",
            rich_help_panel=_INPUT,
        ),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Crop and shrink faces of other sizes.", rich_help_panel=_INPUT)
    ] = False,
    degradation: Annotated[
        str,
        typer.Option(
            help="What made the input small: bicubic, box, nearest, bilinear, lanczos; with + before and after it "
            "what else happened to it, e.g. jpeg:30+noise:25.",
            rich_help_panel=_INPUT,
        ),
    ] = "bicubic",
    kernel: Annotated[
        Path | None,
        typer.Option(help="A blur kernel of your own (.npy, .txt, .csv) instead.", rich_help_panel=_INPUT),
    ] = None,
    label: Annotated[
        int | None, typer.Option(help="Class, for a conditional generator.", rich_help_panel=_INPUT)
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="More steps find closer faces.", show_default="100", rich_help_panel=_CLASSIC),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--lr", min=1e-6, help="Learning rate.", show_default="0.4", rich_help_panel=_CLASSIC),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="Weighted L2, L1 and GEOCROSS.", show_default="100*L2+0.05*GEOCROSS", rich_help_panel=_CLASSIC
        ),
    ] = None,
    optimizer: Annotated[
        OptimizerName | None,
        typer.Option(help="What moves the latents.", show_default="adam", rich_help_panel=_CLASSIC),
    ] = None,
    schedule: Annotated[
        ScheduleName | None,
        typer.Option(help="Of the learning rate.", show_default="linear1cycledrop", rich_help_panel=_CLASSIC),
    ] = None,
    tile_latent: Annotated[
        bool,
        typer.Option("--tile-latent", help="One latent for all layers (W, not W+).", rich_help_panel=_CLASSIC),
    ] = False,
    noise: Annotated[
        NoiseKind | None, typer.Option(help="Noise inputs.", show_default="trainable", rich_help_panel=_CLASSIC)
    ] = None,
    trainable_noise: Annotated[
        int | None,
        typer.Option(
            min=0, help="Of trainable noise: the coarsest layers.", show_default="5", rich_help_panel=_CLASSIC
        ),
    ] = None,
    zero_noise: Annotated[
        str | None,
        typer.Option(help="Noise layers that stay zero, e.g. 3,-1.", show_default="-1", rich_help_panel=_CLASSIC),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Faces searched at once; pays on a GPU.", rich_help_panel=_OUTPUT)
    ] = 1,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Correct the faces until they downscale to the input.", rich_help_panel=_OUTPUT),
    ] = False,
    mark: Annotated[
        MarkChoice, typer.Option(help="Invisible mark, which `verify` finds.", rich_help_panel=_OUTPUT)
    ] = "on",
    sign: Sign = None,
    certificate: CertificateChain = None,
    save_steps: Annotated[
        bool, typer.Option("--save-steps", help="Write every step as a picture.", rich_help_panel=_OUTPUT)
    ] = False,
    gif: Annotated[
        bool, typer.Option("--gif", help="Write the search as an animation.", rich_help_panel=_OUTPUT)
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Redo what an earlier run finished.", rich_help_panel=_OUTPUT)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Finds realistic large faces that downscale to small ones.

    The faces are imaginary: they fit the input, but identify no one. Exit code 0: all are close enough;
    3: some are not (the best found is written); 1: an input failed; 130: interrupted, a rerun goes on.
    """
    from photopulse.cli.workers import plan_workers
    from photopulse.search.fast import FastSettings
    from photopulse.search.losses import parse_loss
    from photopulse.search.pulse import PulseSettings
    from photopulse.search.starts import NoiseSettings
    from photopulse.upscaling.batch_settings import BatchSettings
    from photopulse.upscaling.upscale import UpscaleSettings
    from photopulse.upscaling.worker import UpscaleLoader

    # Settings of the fast and of the classic search; options that were not given keep the defaults.
    fast = given(quality=None if quality == "normal" else quality, time_limit=time_limit)
    try:
        noises = given(
            kind=noise,
            trainable_layers=trainable_noise,
            zeroed_layers=_layers(zero_noise) if zero_noise is not None else None,
        )
        classic = given(
            steps=steps,
            learning_rate=learning_rate,
            loss=parse_loss(loss) if loss is not None else None,
            optimizer=optimizer,
            schedule=schedule,
            tile_latent=tile_latent or None,
            noise=replace(NoiseSettings(), **noises) if noises else None,
        )
        _refuse_foreign(method, fast, classic)
        # Settings of the whole run.
        closeness = given(eps=eps)
        settings = BatchSettings(
            upscale=UpscaleSettings(
                degradation=degradation,
                kernel=kernel,
                label=label,
                method=method,
                fast=replace(FastSettings(), **fast, **closeness),
                classic=replace(PulseSettings(), **classic, **closeness),
                exact=exact,
                mark=mark,
            ),
            count=count,
            seed=seed,
            align_size=_align_size(align),
            fit=fit,
            batch_size=batch_size,
            signature=find_signature(sign, certificate),
            save_steps=save_steps,
            gif=gif,
            resume=not fresh,
        )
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)
    # Upscale all faces.
    _run(
        inputs,
        output,
        UpscaleLoader(generator=generator, settings=settings, device=find_device(device)),
        workers=plan_workers(workers, threads, ray),
        recursive=recursive,
        watch=watch,
        as_json=as_json,
    )


def _run(
    inputs: list[Path],
    output: Path,
    loader: "UpscaleLoader",
    *,
    workers: "WorkerPlan",
    recursive: bool,
    watch: bool,
    as_json: bool,
) -> None:
    from photopulse.cli.inputs import find_pictures, watched_pictures
    from photopulse.cli.loading import load_detector
    from photopulse.cli.progress import print_report, watching
    from photopulse.cli.workers import loaded_workers
    from photopulse.runs.report import exit_code
    from photopulse.upscaling.batch import upscale_files
    from photopulse.upscaling.worker import WORKER_BYTES

    # Load the generator and upscale all faces, then print the report.
    try:
        files = [] if watch else find_pictures(inputs, output, recursive=recursive, command="upscale")
        more = watched_pictures(inputs, output, recursive=recursive) if watch else ()
        settings, each = loader.settings, WORKER_BYTES[loader.settings.upscale.method]
        detector = load_detector() if settings.align_size is not None else None
        mirrored = inputs if recursive else ()
        with (
            loaded_workers(loader, workers, each=each, device=loader.device) as upscalers,
            watching(quiet=as_json) as watcher,
        ):
            items = upscale_files(
                files, output, upscalers, settings, watcher, detector=detector, mirrored=mirrored, more=more
            )
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    print_report("upscale", items, output, as_json=as_json)
    raise typer.Exit(exit_code(items))


def _refuse_foreign(method: str, fast: dict[str, Any], classic: dict[str, Any]) -> None:
    """Raises ValueError for options of the other method, which would do nothing."""
    foreign, other = (classic, "classic") if method == "fast" else (fast, "fast")
    if foreign:
        names = " and ".join(_FLAGS.get(name, f"--{name.replace('_', '-')}") for name in foreign)
        raise ValueError(f"{names} is for the {other} search: add --method {other}, or leave it out")


def _align_size(text: str | None) -> int | None:
    if text is None or text.strip().lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"cannot read --align {text}: give the side of the faces in px, e.g. 32, or none") from None


def _layers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace(".", ",").split(",") if part.strip())
    except ValueError:
        raise ValueError(f"cannot read the noise layers {text!r}: write numbers with commas, e.g. 3,-1") from None
