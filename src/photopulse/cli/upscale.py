"""`photopulse upscale`: small faces in, large faces out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import AsJson, Device, Inputs, OutputFolder, find_device
from photopulse.errors import PhotopulseError
from photopulse.search.names import NoiseKind, OptimizerName, ScheduleName
from photopulse.weights import DEFAULT_GENERATOR

if TYPE_CHECKING:
    from photopulse.batch import BatchSettings

_INPUT, _SEARCH, _OUTPUT = "Input", "Search", "Output"


def upscale_command(
    inputs: Inputs,
    output: OutputFolder = Path("out"),
    generator: Annotated[str, typer.Option(help="A name, or a generator's file.")] = DEFAULT_GENERATOR,
    method: Annotated[Literal["classic"], typer.Option(help="classic: PULSE as published.")] = "classic",
    count: Annotated[int, typer.Option(min=1, help="Different answers for each face.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed, same faces; answer k has seed + k.")] = 0,
    steps: Annotated[int, typer.Option(min=1, help="More steps find closer faces.")] = 100,
    eps: Annotated[float, typer.Option(min=0, max=1, help="Downscaling error that is close enough.")] = 1e-3,
    device: Device = "auto",
    *,
    align: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            help="Inputs are photos: find faces, crop, shrink to SIZE.",
            rich_help_panel=_INPUT,
        ),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Crop and shrink faces of other sizes.", rich_help_panel=_INPUT)
    ] = False,
    degradation: Annotated[
        str,
        typer.Option(
            help="What made the input small: bicubic, box, nearest, bilinear, lanczos.",
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
    learning_rate: Annotated[
        float, typer.Option("--lr", min=1e-6, help="Learning rate.", rich_help_panel=_SEARCH)
    ] = 0.4,
    loss: Annotated[
        str, typer.Option(help="Weighted L2, L1 and GEOCROSS.", rich_help_panel=_SEARCH)
    ] = "100*L2+0.05*GEOCROSS",
    optimizer: Annotated[OptimizerName, typer.Option(rich_help_panel=_SEARCH)] = "adam",
    schedule: Annotated[ScheduleName, typer.Option(rich_help_panel=_SEARCH)] = "linear1cycledrop",
    tile_latent: Annotated[
        bool,
        typer.Option("--tile-latent", help="One latent for all layers (W, not W+).", rich_help_panel=_SEARCH),
    ] = False,
    noise: Annotated[NoiseKind, typer.Option(help="Noise inputs.", rich_help_panel=_SEARCH)] = "trainable",
    trainable_noise: Annotated[
        int,
        typer.Option(min=0, help="Of trainable noise: the coarsest layers.", rich_help_panel=_SEARCH),
    ] = 5,
    zero_noise: Annotated[
        str, typer.Option(help="Noise layers that stay zero, e.g. 3,-1.", rich_help_panel=_SEARCH)
    ] = "-1",
    batch_size: Annotated[
        int, typer.Option(min=1, help="Faces searched at once; pays on a GPU.", rich_help_panel=_SEARCH)
    ] = 1,
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
    from photopulse.batch import BatchSettings
    from photopulse.pipeline import UpscaleSettings
    from photopulse.search.losses import parse_loss
    from photopulse.search.pulse import PulseSettings
    from photopulse.search.starts import NoiseSettings

    try:
        settings = BatchSettings(
            upscale=UpscaleSettings(
                degradation=degradation,
                kernel=kernel,
                label=label,
                method=method,
                search=PulseSettings(
                    steps=steps,
                    learning_rate=learning_rate,
                    eps=eps,
                    loss=parse_loss(loss),
                    optimizer=optimizer,
                    schedule=schedule,
                    tile_latent=tile_latent,
                    noise=NoiseSettings(
                        kind=noise, trainable_layers=trainable_noise, zeroed_layers=_layers(zero_noise)
                    ),
                ),
            ),
            count=count,
            seed=seed,
            align_size=align,
            fit=fit,
            batch_size=batch_size,
            save_steps=save_steps,
            gif=gif,
            resume=not fresh,
        )
    except ValueError as error:
        fail(str(error), 2)
    _run(inputs, output, generator, device, settings, as_json=as_json)


def _run(
    inputs: list[Path], output: Path, generator: str, device: str, settings: "BatchSettings", *, as_json: bool
) -> None:
    from photopulse.batch import exit_code, upscale_files
    from photopulse.cli.loading import load_detector, load_with_progress
    from photopulse.cli.progress import print_report, watch_searches
    from photopulse.images import image_files

    try:
        files = image_files(inputs)
        loaded = load_with_progress(generator, find_device(device))
        detector = load_detector() if settings.align_size is not None else None
        with watch_searches(steps=settings.upscale.search.steps, quiet=as_json) as watcher:
            items = upscale_files(files, output, loaded, settings, watcher, detector=detector)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    print_report("upscale", items, output, as_json=as_json)
    raise typer.Exit(exit_code(items))


def _layers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace(".", ",").split(",") if part.strip())
    except ValueError:
        raise ValueError(f"cannot read the noise layers {text!r}: write numbers with commas, e.g. 3,-1") from None
