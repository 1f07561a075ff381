"""A training from files to a file of weights: it resumes, logs its losses and draws sample sheets."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from photopulse.allocator import keep_freed_memory
from photopulse.errors import PhotopulseError, file_errors, is_out_of_memory
from photopulse.runs.watcher import Watcher
from photopulse.training.checkpoints import load_checkpoint
from photopulse.training.compute import Compute
from photopulse.training.learner import DivergedError
from photopulse.training.loop import Trained
from photopulse.training.loss_curves import write_loss_curves
from photopulse.training.loss_log import LossLog
from photopulse.training.run_settings import check_settings, write_settings

_SHEET_EVERY = 250
_CHECKPOINT, _SETTINGS, _LOSSES, _CURVES = "checkpoint.pt", "settings.json", "losses.csv", "losses.png"


@dataclass(frozen=True, kw_only=True)
class PreparedTraining:
    """A training whose data are read.

    Attributes:
        data_summary: facts on the data for settings.json, e.g. the number of photos.
        train: starts the training loop, given the path of the checkpoint.
        write_sheet: draws a sample sheet, given its path, the averaged network and the step.
    """

    data_summary: Mapping[str, object]
    train: Callable[[Path], Iterator[Trained]]
    write_sheet: Callable[[Path, nn.Module, int], None]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe with its settings.

    Attributes:
        name: name of the recipe and stem of the file of weights.
        steps: number of the last step.
        settings: everything that decides on the result, for settings.json.
        network: network that gets the trained weights.
        prepare: reads the data.
        write: writes that network to a file.
        more_files: further files in the folder that the recipe writes, and that a fresh start removes.
    """

    name: str
    steps: int
    settings: Mapping[str, object]
    network: nn.Module
    prepare: Callable[[Watcher], PreparedTraining]
    write: Callable[[nn.Module, Path], None]
    more_files: Sequence[str] = ()


def run_recipe(recipe: Recipe, output: Path, *, compute: Compute, fresh: bool, watcher: Watcher | None) -> Path:
    """Trains and writes the averaged weights to ``output/<name>.safetensors``, whose path it returns.

    ``output`` also gets settings.json, losses.csv, losses.png, samples/<step>.png and checkpoint.pt, from which the
    same call resumes. Only the main process writes files and calls the watcher.

    Args:
        recipe: what to train.
        output: folder, made if need be.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: hears of the preparation, each step and each line of losses.csv.

    Raises:
        PhotopulseError: if the files cannot be used, the checkpoint is of other settings, the folder cannot be written,
            or the loss is infinite or not a number.
    """
    weights = output / f"{recipe.name}.safetensors"
    watcher = watcher if watcher and compute.is_main else Watcher()
    settings = {"recipe": recipe.name, **recipe.settings, "processes": compute.processes}
    with file_errors(f"cannot train in {output}", fix="choose a folder that can be written to and has room"):
        with compute.main_first():
            if compute.is_main:
                _begin(output, (weights.name, *recipe.more_files), settings, fresh=fresh)
            training = recipe.prepare(watcher)
            if compute.is_main:
                origin = {"photopulse": version("photopulse"), "device": str(compute.device)}
                write_settings(output / _SETTINGS, {**settings, **origin, **training.data_summary})
        with _memory_for(compute.device), _told_what_is_left(output / _CHECKPOINT):
            _train(training, output, compute, watcher, steps=recipe.steps)
        if compute.is_main:
            # The weights are read from the checkpoint, for a training that was finished before yields none.
            load_checkpoint(output / _CHECKPOINT, {"average": recipe.network})
            recipe.write(recipe.network, weights)
    return weights


def _train(training: PreparedTraining, output: Path, compute: Compute, watcher: Watcher, *, steps: int) -> None:
    log: LossLog | None = None
    watcher.start("training", steps)
    for state in training.train(output / _CHECKPOINT):
        if not compute.is_main:
            continue
        # Log the losses.
        log = log or LossLog(output / _LOSSES, done=state.step - 1)
        last = state.step == steps
        means = log.add(state.step, state.losses, last=last)
        # Draw a sample sheet and the loss curves now and then.
        if sheet_due := state.step % _SHEET_EVERY == 0 or last:
            training.write_sheet(output / "samples" / f"{state.step:06d}.png", state.network, state.step)
        if sheet_due and means is not None:
            write_loss_curves(output / _CURVES, output / _LOSSES)
        # Report the progress.
        watcher.step(state.step, figures=state.losses)
        if means is not None:
            watcher.log(state.step, means)


def _begin(output: Path, results: Sequence[str], settings: Mapping[str, object], *, fresh: bool) -> None:
    """Removes the files of an earlier training, but for the faces that it found, or checks that it can be resumed."""
    if not fresh:
        if (output / _CHECKPOINT).exists():
            # The settings of another recipe differ in everything, so its name alone is reported.
            check_settings(output / _SETTINGS, {"recipe": settings["recipe"]})
            check_settings(output / _SETTINGS, settings)
        return
    for name in (_CHECKPOINT, _SETTINGS, _LOSSES, _CURVES, *results):
        (output / name).unlink(missing_ok=True)
    for file in (output / "samples").glob("[0-9][0-9][0-9][0-9][0-9][0-9].png"):
        file.unlink()


@contextmanager
def _told_what_is_left(checkpoint: Path) -> Generator[None]:
    """Says, when a training diverges or the memory is full, that the last good checkpoint is kept."""
    try:
        yield
    except DivergedError as error:
        raise PhotopulseError(error.what, why=error.why + _kept(checkpoint), fix=error.fix) from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise PhotopulseError(
            "training stopped",
            why="the memory is full" + _kept(checkpoint),
            fix="close other programs and give the same command again, or train anew with a smaller --batch-size",
        ) from error


def _kept(checkpoint: Path) -> str:
    return f"; the last good checkpoint is {checkpoint}" if checkpoint.is_file() else ""


def _memory_for(device: torch.device) -> AbstractContextManager[object]:
    return keep_freed_memory() if device.type == "cpu" else nullcontext()
