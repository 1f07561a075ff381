"""Progress of `photopulse restore`: which photo, which stage, drawn on stderr where it is a terminal."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from photopulse.cli.console import is_interactive, stderr_console
from photopulse.cli.progress import print_item

if TYPE_CHECKING:
    from photopulse.restoration.batch import RestoreWatcher
    from photopulse.restoration.kit import RestoreKit
    from photopulse.restoration.settings import RestoreSettings
    from photopulse.restoration.stages import Stage
    from photopulse.runs.report import ReportItem

_DOING: "dict[Stage, str]" = {
    "read": "reading",
    "look": "looking at the damage",
    "repair": "repairing scratches and spots",
    "detect": "looking for faces",
    "faces": "restoring the faces",
    "photo": "cleaning the photo",
    "full_size": "back to full size",
    "paste": "putting the faces back",
    "enlarge": "enlarging",
    "write": "writing",
}


def load_kit(settings: "RestoreSettings", device: str) -> "RestoreKit":
    """Loads the networks that the settings need, with a word on it."""
    from photopulse.restoration.kit import RestoreKit

    if not is_interactive():
        return RestoreKit.load(settings, device)
    with stderr_console().status("loading the networks (the first time some are fetched)"):
        return RestoreKit.load(settings, device)


@contextmanager
def watch_restorations(photos: int, *, quiet: bool) -> "Generator[RestoreWatcher]":
    """Yields a watcher that draws a bar of all photos and prints each row.

    No bar where nobody watches, no lines when ``quiet``.
    """
    from photopulse.restoration.batch import RestoreWatcher

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("photos, {task.fields[doing]}"),
        TimeElapsedColumn(),
        console=stderr_console(),
        transient=True,
        disable=not is_interactive(),
    )
    task = progress.add_task("", total=photos, doing="beginning")

    def start(photo: Path) -> None:
        progress.update(task, description=escape(photo.name), doing="beginning", visible=True)

    def stage(name: "Stage") -> None:
        progress.update(task, doing=_DOING[name])

    def item(row: "ReportItem", resumed: bool) -> None:
        progress.update(task, visible=False)
        progress.refresh()  # The bar is gone before the line is printed.
        print_item(row, resumed=resumed, quiet=quiet)
        progress.update(task, advance=1, visible=True)

    with progress:
        yield RestoreWatcher(on_start=start, on_stage=stage, on_item=item)
