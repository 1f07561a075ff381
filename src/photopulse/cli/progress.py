"""Progress of long work, drawn on stderr where it is a terminal."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
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
    from photopulse.runs.report import ReportItem
    from photopulse.search.pulse import SearchState
    from photopulse.upscaling.batch_settings import Watcher


def print_item(item: "ReportItem", *, resumed: bool = False, quiet: bool = False) -> None:
    """Prints a finished row: a line on stdout unless ``quiet``, or the error on stderr."""
    if item.status == "failed":
        print_error(item.error or f"{item.input} failed")
        return
    if quiet:
        return
    words = [str(item.output), item.status]
    if item.downscale_mse is not None:
        words.append(f"mse {item.downscale_mse:.2e} (eps {item.eps:g})")
    if item.frames is not None:
        words.append(f"only picture 1 of {item.frames}")
    if item.missing_rows is not None:
        words.append(f"the last {item.missing_rows} rows of the file are missing")
    if item.cleaned == 0:
        words.append("not cleaned, it needs nothing")
    if item.repaired:
        words.append(f"repaired in {item.repaired:.2%}")
    if item.faces is not None:
        from photopulse.cli.faces_told import faces_told

        words.append(faces_told(item.faces))
    if resumed:
        words.append("kept from an earlier run")
    elif item.seconds is not None:
        words.append(f"{item.seconds:.1f} s")
    # A file name may hold what the terminal's encoding does not.
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo("  ".join(words).encode(encoding, errors="backslashreplace").decode(encoding))


@contextmanager
def watch_searches(*, steps: int, quiet: bool) -> "Generator[Watcher]":
    """Yields a watcher that draws a bar for each search and prints each row.

    No bar where nobody watches, no lines when ``quiet``.
    """
    from photopulse.upscaling.batch_settings import Watcher

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps, mse {task.fields[mse]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr_console(),
        transient=True,
        disable=not is_interactive(),
    )
    task = progress.add_task("loading", total=steps, mse="-", visible=False)

    def start(names: Sequence[str]) -> None:
        description = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        progress.reset(task, total=steps, description=description, mse="-", visible=True)

    def step(state: "SearchState") -> None:
        progress.update(task, completed=state.step, mse=f"{state.best.downscale_mse.mean().item():.2e}")

    def item(row: "ReportItem", resumed: bool) -> None:
        progress.update(task, visible=False)
        progress.refresh()  # The bar is gone before the line is printed.
        print_item(row, resumed=resumed, quiet=quiet)

    with progress:
        yield Watcher(on_start=start, on_step=step, on_item=item)


def print_report(command: str, items: "Sequence[ReportItem]", folder: Path, *, as_json: bool) -> None:
    """Ends a command: the whole report on stdout as JSON, or else a summary on stderr."""
    from photopulse.runs.report import to_json

    if as_json:
        typer.echo(to_json(command, items).encode(), nl=False)
    else:
        _print_summary(items, folder)


def _print_summary(items: "Sequence[ReportItem]", folder: Path) -> None:
    """Prints on stderr how many items ended how, where the report lies, and what is worth knowing of it."""
    counts = {status: sum(item.status == status for item in items) for status in dict.fromkeys(i.status for i in items)}
    words = ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing to do"
    console = stderr_console()
    console.print(f"{words}; report: {folder / 'report.json'}", markup=False, highlight=False, soft_wrap=True)
    if counts.get("not-converged"):
        console.print(
            "not-converged: the face is the best found, but is farther from the input than eps. "
            "--quality best, or another --seed, often reaches it.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
