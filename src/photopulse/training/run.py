"""A training from files to a file of weights: it resumes, and shows how it goes."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from photopulse.allocator import keep_freed_memory
from photopulse.errors import PhotopulseError
from photopulse.networks.files import write_network
from photopulse.training.checkpoints import load_checkpoint
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.loss_curves import write_loss_curves
from photopulse.training.loss_log import LossLog
from photopulse.training.run_settings import check_settings, write_settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SHOWN_EVERY = 250
_CHECKPOINT, _SETTINGS, _LOSSES, _CURVES = "checkpoint.pt", "settings.json", "losses.csv", "losses.png"


@dataclass(frozen=True, kw_only=True)
class TrainingWatcher:
    """What the caller wants to hear.

    Attributes:
        on_face: how many photos were searched for faces, of how many.
        on_note: a sentence worth knowing.
        on_step: after each step, with the number of steps in all.
        on_losses: after each line of the table of losses: the step and the mean losses.
    """

    on_face: Callable[[int, int], None] = lambda _done, _total: None
    on_note: Callable[[str], None] = lambda _text: None
    on_step: Callable[[Trained, int], None] = lambda _state, _total: None
    on_losses: Callable[[int, dict[str, float]], None] = lambda _step, _losses: None


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a recipe makes of the files.

    Attributes:
        told: of the files, for settings.json.
        train: makes the loop from the checkpoint's path.
        show: draws a sheet: its path, the averaged network, the step.
    """

    told: Mapping[str, object]
    train: Callable[[Path], Iterator[Trained]]
    show: Callable[[Path, nn.Module, int], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe, ready to be run.

    Attributes:
        name: of the file of weights.
        kind: that this file says.
        steps: in all.
        asked: all that decides on the result, for settings.json.
        sizes: of the network, for its file.
        network: of these sizes; gets the trained weights.
        prepare: reads what the recipe needs of the files.
    """

    name: str
    kind: str
    steps: int
    asked: Mapping[str, object]
    sizes: "DataclassInstance"
    network: nn.Module
    prepare: Callable[[TrainingWatcher], Material]


def run_plan(plan: Plan, output: Path, *, compute: Compute, fresh: bool, watcher: TrainingWatcher | None) -> Path:
    """Trains, or goes on to, and returns the file of the averaged weights, ``output/<name>.safetensors``.

    ``output`` also gets settings.json, checkpoint.pt, from which the same call goes on, losses.csv and losses.png, and
    samples/<step>.png. Only the main process writes and speaks.

    Raises:
        PhotopulseError: for files of no use, a checkpoint of other settings, a folder that cannot be used, and if
            training fails.
    """
    weights = output / f"{plan.name}.safetensors"
    watcher = watcher if watcher and compute.is_main else TrainingWatcher()
    asked = {"recipe": plan.name, **plan.asked, "processes": compute.processes}
    with _using(output):
        with compute.main_first():
            if compute.is_main:
                _begin(output, weights, asked, fresh=fresh)
            material = plan.prepare(watcher)
            if compute.is_main:
                told = {"photopulse": version("photopulse"), "device": str(compute.device)}
                write_settings(output / _SETTINGS, {**asked, **told, **material.told})
        with _memory_for(compute.device):
            _train(plan, material, output, compute, watcher)
        if compute.is_main:
            # The checkpoint is the one place where the weights are, also when nothing was left to do.
            load_checkpoint(output / _CHECKPOINT, {"average": plan.network})
            write_network(plan.network, plan.sizes, plan.kind, weights)
    return weights


def _train(plan: Plan, material: Material, output: Path, compute: Compute, watcher: TrainingWatcher) -> None:
    log: LossLog | None = None
    for state in material.train(output / _CHECKPOINT):
        if not compute.is_main:
            continue
        log = log or LossLog(output / _LOSSES, done=state.step - 1)
        last = state.step == plan.steps
        means = log.add(state.step, state.losses, last=last)
        if shown := state.step % _SHOWN_EVERY == 0 or last:
            material.show(output / "samples" / f"{state.step:06d}.png", state.network, state.step)
        if shown and means is not None:
            write_loss_curves(output / _CURVES, output / _LOSSES)
        watcher.on_step(state, plan.steps)
        if means is not None:
            watcher.on_losses(state.step, means)


def _begin(output: Path, weights: Path, asked: Mapping[str, object], *, fresh: bool) -> None:
    """Forgets what an earlier training left behind (but not the faces that it found), or checks that it is the same."""
    if not fresh:
        if (output / _CHECKPOINT).exists():
            # The settings of another recipe differ in everything: its name says it all.
            check_settings(output / _SETTINGS, {"recipe": asked["recipe"]})
            check_settings(output / _SETTINGS, asked)
        return
    for name in (_CHECKPOINT, _SETTINGS, _LOSSES, _CURVES, weights.name):
        (output / name).unlink(missing_ok=True)
    for file in (output / "samples").glob("[0-9][0-9][0-9][0-9][0-9][0-9].png"):
        file.unlink()


@contextmanager
def _using(output: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        fix = "choose a folder that can be written to and has room"
        raise PhotopulseError(f"cannot train in {output}", why=why, fix=fix) from error


def _memory_for(device: torch.device) -> AbstractContextManager[object]:
    return keep_freed_memory() if device.type == "cpu" else nullcontext()
