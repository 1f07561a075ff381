"""How every `photopulse train` command reads its inputs, runs and ends."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from photopulse.cli.console import fail, printable
from photopulse.cli.options import find_device
from photopulse.errors import PhotopulseError
from photopulse.runs.watcher import Watcher

if TYPE_CHECKING:
    from photopulse.training.compute import Compute


def files_of(inputs: Sequence[Path]) -> list[Path]:
    """Returns the pictures of files and folders."""
    from photopulse.images import image_files

    return [file for path in inputs for file in image_files([path])]


def run_training(device: str, train: "Callable[[Compute, Watcher], Path]") -> None:
    """Runs a training and prints the path of the weights; errors and interruptions end the command."""
    # Only the main one of several processes draws progress and prints.
    from photopulse.cli.progress import watching
    from photopulse.training.compute import find_compute

    try:
        compute = find_compute(find_device(device))
        # Bars of several processes would overwrite each other.
        with watching() if compute.is_main else nullcontext(Watcher()) as watcher:
            weights = train(compute, watcher)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from the last checkpoint, or begins anew if there is none yet", 130)
    if compute.is_main:
        typer.echo(printable(str(weights)))
