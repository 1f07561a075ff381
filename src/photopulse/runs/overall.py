"""One stage for a whole run: its steps are the inputs that are finished, whichever worker tells what it does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from photopulse.runs.watcher import Watcher

if TYPE_CHECKING:
    from photopulse.runs.report import ReportItem


class Overall(Watcher):
    """Shows what workers tell as one stage.

    Args:
        watcher: is told of the stage.
        stage: name of the stage.
        inputs: number of inputs.
    """

    def __init__(self, watcher: Watcher, stage: str, inputs: int) -> None:
        self._watcher = watcher
        self._stage = stage
        self._inputs = inputs
        self._done = 0
        watcher.start(stage, inputs)

    def more(self, inputs: int) -> None:
        """So many inputs have come since."""
        self._inputs += inputs
        self._watcher.start(self._stage, self._inputs)
        self._watcher.step(self._done)

    def finished(self) -> None:
        """One more input is finished."""
        self._done += 1
        self._watcher.step(self._done)

    def start(self, stage: str, steps: int) -> None:  # noqa: ARG002
        self.step(0, doing=stage)

    def step(self, done: int, *, doing: str = "", figures: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        if doing:
            self._watcher.step(self._done, doing=doing)

    def end(self, item: "ReportItem", *, resumed: bool = False) -> None:
        self._watcher.end(item, resumed=resumed)

    def note(self, text: str) -> None:
        self._watcher.note(text)
