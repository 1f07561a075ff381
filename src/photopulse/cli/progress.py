"""Draws the progress of long work on stderr, if that is a terminal, and prints rows on stdout."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from photopulse.cli.console import is_interactive, print_error, print_line, print_note, printable, stderr_console
from photopulse.runs.watcher import Watcher

if TYPE_CHECKING:
    from photopulse.runs.report import ReportItem

_FAR = 20.0  # Times eps: beyond this, an input is hardly an aligned face.
_SPEED_OVER = 600.0  # Seconds over which the speed is averaged: one step of a training can take half a minute.


@contextmanager
def spinner(what: str) -> Generator[Callable[[str], None]]:
    """Shows a spinner with a text on a terminal, and yields a function that replaces the text; silent elsewhere."""
    if not is_interactive():
        yield lambda _what: None
        return
    with stderr_console().status(Text(printable(what))) as status:
        yield lambda later: status.update(Text(printable(later)))


@contextmanager
def watching(*, quiet: bool = False) -> Generator[Watcher]:
    """Yields a watcher that draws a bar for each stage and prints each row, or only failures when ``quiet``.

    If stderr is no terminal, there is no bar, and logged figures are printed instead.
    """
    # Lay out the bar.
    shown = is_interactive()
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        _SpeedColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr_console(),
        transient=True,
        disable=not shown,
        speed_estimate_period=_SPEED_OVER,
    )
    with progress:
        yield _TerminalWatcher(progress, shown=shown, quiet=quiet)


class _SpeedColumn(ProgressColumn):
    """A column with the seconds per step."""

    def render(self, task: Task) -> Text:
        return Text(_speed(task), style="progress.remaining")


class _TerminalWatcher(Watcher):
    def __init__(self, progress: Progress, *, shown: bool, quiet: bool) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, told="", visible=False)
        self._shown = shown
        self._quiet = quiet

    def start(self, stage: str, steps: int) -> None:
        self._progress.reset(self._task, total=steps, description=printable(stage), told="", visible=True)

    def step(self, done: int, *, doing: str = "", figures: Mapping[str, float] | None = None) -> None:
        told = "  ".join(filter(None, (doing, _words(figures or {}))))
        self._progress.update(self._task, completed=done, told=printable(told))

    def end(self, item: "ReportItem", *, resumed: bool = False) -> None:
        if self._quiet and item.status != "failed":
            return
        task = self._progress.tasks[0]
        visible = task.visible
        self._progress.update(self._task, visible=False)
        self._progress.refresh()  # The bar is gone before the line is printed.
        print_item(item, resumed=resumed, quiet=self._quiet)
        self._progress.update(self._task, visible=visible and not task.finished)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        if not self._shown:
            self.note("  ".join(filter(None, (f"step {step}", _speed(self._progress.tasks[0]), _words(figures)))))

    def note(self, text: str) -> None:
        print_note(text, self._progress.console)


def _speed(task: Task) -> str:
    return f"{1 / task.speed:.2f} s a step" if task.speed else ""


def _words(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.3g}" for name, value in figures.items())


def print_item(item: "ReportItem", *, resumed: bool = False, quiet: bool = False) -> None:
    """Prints a finished row: a line on stdout unless ``quiet``, or the error on stderr."""
    if item.status == "failed":
        print_error(item.error or f"{item.input} failed")
        return
    if quiet:
        return
    # Collect the words of the line.
    words = [str(item.output), item.status]
    if item.downscale_mse is not None:
        words.append(f"mse {item.downscale_mse:.2e}" + ("" if item.eps is None else f" (eps {item.eps:g})"))
    if item.doubt is not None:
        words.append("not a face")
    words += file_told(item.frames or 1, item.missing_rows or 0, cut_off=bool(item.cut_off))
    words += _mended_told(item)
    if item.cleaned == 0:
        words.append("not cleaned" if _mended_told(item) or item.repaired else "not cleaned, it needs nothing")
    if item.repaired:
        words.append(f"repaired in {item.repaired:.2%}")
    if item.faces is not None:
        from photopulse.cli.faces_told import faces_told

        words.append(faces_told(item.faces))
    if resumed:
        words.append("kept from an earlier run")
    elif item.seconds is not None:
        words.append(f"{item.seconds:.1f} s")
    print_line("  ".join(words))


def file_told(frames: int, missing_rows: int, *, cut_off: bool) -> list[str]:
    """Returns the remarks on a picture's file for the user: that it has several pictures, or is truncated."""
    words = [f"only picture 1 of {frames}"] if frames > 1 else []
    if missing_rows:
        words.append(f"the last {missing_rows} rows of the file are missing")
    elif cut_off:
        words.append("the file is truncated")
    return words


def _mended_told(item: "ReportItem") -> list[str]:
    """Returns whether halftone and fading, as far as they were found, were corrected or left."""
    damage, mended = item.damage or {}, item.mended or ()
    fading = damage.get("fading")
    told: list[str] = []
    if damage.get("screens"):
        told.append("dots of print removed" if "halftone" in mended else "dots of print left")
    if isinstance(fading, dict) and cast("Mapping[str, object]", fading).get("amount"):
        told.append("fading corrected" if "tone" in mended else "fading left")
    return told


def print_report(command: str, items: "Sequence[ReportItem]", folder: Path, *, as_json: bool) -> None:
    """Prints the whole report on stdout as JSON, or a summary on stderr."""
    from photopulse.runs.report import to_json

    if as_json:
        typer.echo(to_json(command, items).encode(), nl=False)
    else:
        _print_summary(items, folder)


def _print_summary(items: "Sequence[ReportItem]", folder: Path) -> None:
    """Prints on stderr how many items have each status, the path of the report, and advice on unconverged faces."""
    counts = {status: sum(item.status == status for item in items) for status in dict.fromkeys(i.status for i in items)}
    words = ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing to do"
    print_note(f"{words}; report: {folder / 'report.json'}")
    if counts.get("not-converged"):
        print_note(
            "not-converged: the result is the best found, but is farther from the input than eps. "
            "--quality best, or another --seed, often reaches it."
        )
    for told in dict.fromkeys(item.doubt for item in items if item.doubt is not None):
        print_note(f"warning: not a face: {told} ({sum(item.doubt == told for item in items)} of {len(items)})")
    if any((item.downscale_mse or 0) > _FAR * (item.eps or math.inf) for item in items):
        print_note(
            "some are very far from it: is each input framed as the pictures of the generator, e.g. an aligned face? "
            "--align takes faces from photos"
        )
