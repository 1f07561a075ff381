"""`photopulse train fsrnet | fsrgan`: the networks that PULSE is compared with."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.options import Device, OutputFolder
from photopulse.cli.train_options import (
    BatchSize,
    Faces,
    Fresh,
    LearningRate,
    Seed,
    Steps,
)
from photopulse.cli.train_run import files_of, run_training
from photopulse.training.fsrnet.defaults import FSRGAN, FSRNET


def train_fsrnet_command(
    inputs: Faces,
    output: OutputFolder = Path("fsrnet"),
    steps: Steps = FSRNET.steps,
    batch_size: BatchSize = FSRNET.batch_size,
    learning_rate: LearningRate = FSRNET.learning_rate,
    seed: Seed = FSRNET.seed,
    device: Device = "auto",
    *,
    published: Annotated[
        bool, typer.Option("--published", help="Train the sizes of the paper: ten times as slow on a CPU.")
    ] = False,
    fresh: Fresh = False,
) -> None:
    """Trains FSRNet, which makes faces of 16 px into faces of 128 px.

    Make faces with `photopulse align PHOTOS -o FACES --size 256` or `photopulse sample 3000 -o FACES --size 256`.
    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.networks.fsrnet import PUBLISHED, SMALL
    from photopulse.training.fsrnet.fsrnet import FSRNetTraining
    from photopulse.training.fsrnet.recipes import run_fsrnet

    # Settings.
    settings = FSRNetTraining(
        network=PUBLISHED if published else SMALL,
        optimisation=replace(FSRNET, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
    )
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_fsrnet(
            files_of(inputs), output, settings, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_fsrgan_command(
    inputs: Faces,
    output: OutputFolder = Path("fsrgan"),
    start: Annotated[
        Path | None,
        typer.Option(help="A trained FSRNet (.safetensors); by default the one that comes with photopulse."),
    ] = None,
    steps: Steps = FSRGAN.steps,
    batch_size: BatchSize = FSRGAN.batch_size,
    learning_rate: LearningRate = FSRGAN.learning_rate,
    seed: Seed = FSRGAN.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains FSRGAN from a trained FSRNet: its faces look sharper and are a little less near to the truth.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.fsrnet.fsrgan import FSRGANTraining
    from photopulse.training.fsrnet.recipes import run_fsrgan

    settings = FSRGANTraining(
        optimisation=replace(FSRGAN, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    )
    run_training(
        device,
        lambda compute, watcher: run_fsrgan(
            files_of(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )
