"""`photopulse train generator`: a generator of the pictures of any domain."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import Device, OutputFolder
from photopulse.cli.train_options import (
    BatchSize,
    Fresh,
    LearningRate,
    Seed,
    Steps,
)
from photopulse.cli.train_run import files_of, run_training
from photopulse.training.generator.defaults import (
    AUGMENT_TARGET,
    CHANNELS,
    FREEZE,
    GENERATOR,
    R1_WEIGHT,
    STYLE,
    WIDTH,
    Judge,
)


def train_generator_command(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="PICTURES...", help="Pictures of one domain, or folders of them.")
    ],
    output: OutputFolder = Path("generator"),
    measure: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures to measure with, not learned.", show_default="PICTURES/measure"),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="A generator to begin with, a name or file; by default random weights.")
    ] = None,
    size: Annotated[int, typer.Option(min=16, help="Height and width of the pictures in px: 64, 128 or 256.")] = 64,
    steps: Steps = GENERATOR.steps,
    batch_size: BatchSize = GENERATOR.batch_size,
    learning_rate: LearningRate = GENERATOR.learning_rate,
    width: Annotated[int, typer.Option(min=64, help="A layer at H px has WIDTH / H channels.")] = WIDTH,
    channels: Annotated[int, typer.Option(min=4, help="The most channels of a layer.")] = CHANNELS,
    style: Annotated[int, typer.Option(min=4, help="Length of a style.")] = STYLE,
    r1_weight: Annotated[float, typer.Option("--r1", min=0, help="Weight of the penalty R1.")] = R1_WEIGHT,
    judge: Annotated[Judge, typer.Option(help="What the discriminator sees: pixels, or frozen features.")] = "pixels",
    freeze: Annotated[
        int, typer.Option(min=0, help="With --start: blocks of its discriminator that rest, for few pictures.")
    ] = FREEZE,
    augment: Annotated[
        float,
        typer.Option(min=0, max=1, help="Mean sign of real logits that the random changes aim at; 0 makes none."),
    ] = AUGMENT_TARGET,
    seed: Seed = GENERATOR.seed,
    device: Device = "auto",
    *,
    mirror: Annotated[bool, typer.Option(help="Mirror pictures at random: left and right are alike.")] = True,
    turn: Annotated[bool, typer.Option(help="Turn pictures by quarters at random: no direction is up.")] = False,
    fresh: Fresh = False,
) -> None:
    """Trains a small StyleGAN2 on pictures of one domain, for `upscale --generator DIR/generator.safetensors`.

    A folder of `crop` stands for its subfolder train, and its subfolder measure is what the figures compare with.
    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.generator.augment import AugmentSettings
    from photopulse.training.generator.run import run_generator
    from photopulse.training.generator.train import GeneratorTraining, small_settings

    # Settings.
    try:
        network = small_settings(size, width=width, channels=channels, style=style)
    except ValueError as error:
        fail(f"cannot train a generator of {size} px: {error}. Give --size 32, 64, 128 or 256", 2)
    settings = GeneratorTraining(
        network=network,
        optimisation=replace(GENERATOR, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        augment=AugmentSettings(target=augment),
        mirror=mirror,
        turn=turn,
        r1_weight=r1_weight,
        judge=judge,
        freeze=freeze,
    )
    learned, held_out = _parts(inputs, measure)
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_generator(
            files_of(learned),
            output,
            settings,
            held_out=files_of(held_out),
            start=start,
            compute=compute,
            fresh=fresh,
            watcher=watcher,
        ),
    )


def _parts(inputs: Sequence[Path], measure: Path | None) -> tuple[list[Path], list[Path]]:
    """Returns the folders to learn from and to measure with, where a folder of `crop` stands for its two parts."""
    from photopulse.training.crops.crop import MEASURE, TRAIN

    cropped = [path for path in inputs if (path / TRAIN).is_dir()]
    learned = [path / TRAIN if path in cropped else path for path in inputs]
    if measure is not None:
        return learned, [measure]
    return learned, [path / MEASURE for path in cropped if (path / MEASURE).is_dir()]
