"""Progress of trainings on the screen: a bar with speed and losses, notes, and how they end."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from photopulse.cli.console import fail, is_interactive, stderr_console
from photopulse.errors import PhotopulseError

if TYPE_CHECKING:
    from photopulse.training.run import TrainingWatcher


class StepState(Protocol):
    """The state of a training after a step."""

    @property
    def step(self) -> int:
        """Number of the step, from 1."""
        ...

    @property
    def losses(self) -> Mapping[str, float]:
        """Losses by name."""
        ...


def training_bar(*, shown: bool) -> Progress:
    """Makes a bar whose tasks have a field ``status``, a short text."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr_console(),
        transient=True,
        disable=not shown,
    )


@contextmanager
def watched_training() -> "Generator[TrainingWatcher]":
    """Yields callbacks that show a bar for the search of faces and then the steps, or without a terminal lines."""
    from photopulse.training.run import TrainingWatcher

    with training_progress() as progress:
        yield TrainingWatcher(
            on_face=progress.face, on_note=progress.note, on_step=progress.step, on_losses=progress.losses
        )


@contextmanager
def training_progress() -> "Generator[TrainingProgress]":
    """Yields the progress of a training: a bar, or without a terminal lines of losses."""
    shown = is_interactive()
    bar = training_bar(shown=shown)
    with bar:
        yield TrainingProgress(bar, bar.add_task("starting", total=None, status=""), shown=shown)


class TrainingProgress:
    """Shows photos that were searched, notes, steps and losses."""

    def __init__(self, bar: Progress, task: TaskID, *, shown: bool) -> None:
        self._bar = bar
        self._task = task
        self._shown = shown
        self._speed = _Speed()

    def note(self, text: str) -> None:
        """Prints a sentence."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def face(self, done: int, total: int) -> None:
        """Shows how many photos were searched for faces."""
        self._bar.update(self._task, description="finding faces", completed=done, total=total)

    def step(self, state: StepState, total: int) -> None:
        """Shows a step and the number of all steps."""
        if not self._speed.steps:
            self._bar.reset(self._task, total=total, description="training", completed=state.step - 1)
        self._bar.update(self._task, completed=state.step, status=f"{self._speed.measure()}  {_words(state.losses)}")

    def losses(self, step: int, means: Mapping[str, float]) -> None:
        """Prints the mean losses, where there is no bar."""
        if not self._shown:
            self.note(f"step {step}  {self._speed.words}  {_words(means)}")


def train_to_file(train: Callable[[], Path | None]) -> None:
    """Runs a training and prints the file that it returns; ends the command where it fails or is interrupted."""
    try:
        weights = train()
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from the last checkpoint", 130)
    if weights is not None:
        typer.echo(str(weights))


class _Speed:
    """Smoothed duration of a step."""

    def __init__(self) -> None:
        self.steps = 0
        self.words = ""
        self._before = time.perf_counter()
        self._mean = 0.0

    def measure(self) -> str:
        """Counts a step and returns the speed as a text."""
        now = time.perf_counter()
        self.steps += 1
        if self.steps > 1:
            self._mean += (now - self._before - self._mean) / min(self.steps - 1, 20)
            self.words = f"{self._mean:.2f} s a step"
        self._before = now
        return self.words


def _words(losses: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
