"""Progress of an evaluation: a bar on stderr where it is a terminal, failures and notes in any case."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from photopulse.cli.console import is_interactive, print_error, stderr_console

if TYPE_CHECKING:
    from photopulse.evaluation.settings import EvaluateWatcher


@contextmanager
def watch_evaluation() -> "Generator[EvaluateWatcher]":
    """Yields a watcher that draws a bar for each stage, names what is going on, and prints what fails."""
    from photopulse.evaluation.settings import EvaluateWatcher

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr_console(),
        transient=True,
        disable=not is_interactive(),
    )
    task = progress.add_task("starting", total=None)

    def note(text: str) -> None:
        progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stage(name: str, total: int) -> None:
        progress.reset(task, total=total, description=name)

    def start(name: str) -> None:
        progress.update(task, description=name)

    def done(name: str, error: str | None, _resumed: bool) -> None:
        progress.update(task, advance=1, description=name)
        if error is not None:
            print_error(f"{name}: {error}")

    with progress:
        yield EvaluateWatcher(on_note=note, on_stage=stage, on_start=start, on_done=done)
