"""How long work tells of itself: a terminal and a web page hear the same few events, whatever the work is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photopulse.runs.report import ReportItem


class Watcher:
    """Hears of long work; this one ignores all. What shows progress overrides the events that it shows.

    Work comes in stages, one after the other, each of a number of steps: the steps of a search, the photos of a folder,
    the batches of a training. The events carry texts, numbers and rows, all of which JSON can hold. What an event
    raises ends the work.
    """

    def start(self, stage: str, steps: int) -> None:
        """A stage begins, which has that many steps."""

    def step(self, done: int, *, doing: str = "", figures: Mapping[str, float] | None = None) -> None:
        """The stage goes on: the steps that are done, what is being done now, and figures of the last step by name."""

    def end(self, item: "ReportItem", *, resumed: bool = False) -> None:
        """An item is finished or has failed, see its status; ``resumed`` says that an earlier run finished it."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures that are worth keeping, now and then: means over the steps since the last ones, by name."""

    def note(self, text: str) -> None:
        """A sentence that is worth reading."""
