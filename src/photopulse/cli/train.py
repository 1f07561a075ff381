"""`photopulse train fsrnet | fsrgan`: folders of aligned faces in, the weights of a network out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.options import Device, OutputFolder, find_device
from photopulse.cli.train_restore import add_commands
from photopulse.cli.training_progress import train_to_file, watched_training

if TYPE_CHECKING:
    from photopulse.training.run import TrainingWatcher

app = typer.Typer(
    no_args_is_help=True,
    help="Trains the networks of `restore`, and those that are compared with PULSE: FSRNet, and FSRGAN from it.",
)
add_commands(app)

_Faces = Annotated[
    list[Path],
    typer.Argument(metavar="FACES...", help="Folders of FFHQ-aligned faces of 256 px; one named twice counts twice."),
]
_Steps = Annotated[int, typer.Option(min=1, help="Batches in all.")]
_BatchSize = Annotated[int, typer.Option(min=1, help="Faces in each.")]
_LearningRate = Annotated[float, typer.Option("--lr", min=1e-9, help="Learning rate.")]
_Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of weights and data.")]
_Fresh = Annotated[bool, typer.Option("--fresh", help="Forget an earlier training in the folder.")]


@app.command("fsrnet")
def train_fsrnet_command(
    inputs: _Faces,
    output: OutputFolder = Path("fsrnet"),
    steps: _Steps = 2600,
    batch_size: _BatchSize = 16,
    learning_rate: _LearningRate = 6e-4,
    seed: _Seed = 0,
    device: Device = "auto",
    *,
    published: Annotated[
        bool, typer.Option("--published", help="The paper's sizes: ten times the work on a CPU.")
    ] = False,
    fresh: _Fresh = False,
) -> None:
    """Trains FSRNet, which makes faces of 16 px into faces of 128 px.

    Make faces with `photopulse align PHOTOS -o FACES --size 256` or `photopulse sample 3000 -o FACES --size 256`.
    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.networks.fsrnet import PUBLISHED, SMALL
    from photopulse.training.fsrnet.fsrnet import FSRNetTraining
    from photopulse.training.fsrnet.recipes import run_fsrnet

    settings = FSRNetTraining(
        network=PUBLISHED if published else SMALL,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    _run(
        lambda watcher: run_fsrnet(
            _files(inputs), output, settings, device=find_device(device), fresh=fresh, watcher=watcher
        )
    )


@app.command("fsrgan")
def train_fsrgan_command(
    inputs: _Faces,
    output: OutputFolder = Path("fsrgan"),
    start: Annotated[
        Path | None, typer.Option(help="A trained FSRNet (.safetensors); by default the one of photopulse.")
    ] = None,
    steps: _Steps = 700,
    batch_size: _BatchSize = 12,
    learning_rate: _LearningRate = 2e-4,
    seed: _Seed = 1,
    device: Device = "auto",
    *,
    fresh: _Fresh = False,
) -> None:
    """Trains FSRGAN from a trained FSRNet: its faces look sharper and are a little less near to the truth.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.fsrnet.fsrgan import FSRGANTraining
    from photopulse.training.fsrnet.recipes import run_fsrgan

    settings = FSRGANTraining(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    _run(
        lambda watcher: run_fsrgan(
            _files(inputs), output, settings, start=start, device=find_device(device), fresh=fresh, watcher=watcher
        )
    )


def _files(inputs: Sequence[Path]) -> list[Path]:
    from photopulse.images import image_files

    return [file for path in inputs for file in image_files([path])]


def _run(train: "Callable[[TrainingWatcher], Path]") -> None:
    def watched() -> Path:
        with watched_training() as watcher:
            return train(watcher)

    train_to_file(watched)
