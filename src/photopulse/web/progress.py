"""Records the progress of a running job, and cancels it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event

from photopulse.errors import PhotopulseError
from photopulse.runs.watcher import Watcher


class CanceledError(Exception):
    """Raised within the work of a job that was canceled."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: what is being done.
        steps: of the stage; 0 where they are not known.
        done: of them.
        doing: what is being done now within the stage, if that is told.
        heard: everything that was done so far in this stage.
        figures: of the last step, by name.
    """

    stage: str = ""
    steps: int = 0
    done: int = 0
    doing: str = ""
    heard: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


class JobWatcher(Watcher):
    """Records the latest progress, and ends work that was canceled or takes too long.

    Args:
        max_seconds: longest duration of the work in seconds.
    """

    def __init__(self, max_seconds: float) -> None:
        self.progress = Progress()
        self._canceled = Event()
        self._max_seconds = max_seconds
        self._started = time.monotonic()

    def cancel(self) -> None:
        """Ends the work at its next event."""
        self._canceled.set()

    @property
    def is_canceled(self) -> bool:
        """Whether the work was canceled."""
        return self._canceled.is_set()

    def begin(self) -> None:
        """Starts the clock of the work."""
        self._started = time.monotonic()

    def start(self, stage: str, steps: int) -> None:
        """Replaces the last stage by a new one."""
        self._end_if_asked()
        self.progress = Progress(stage=stage, steps=steps)

    def step(self, done: int, *, doing: str = "", figures: Mapping[str, float] | None = None) -> None:
        """Records a step, and adds ``doing`` to what was done in this stage."""
        self._end_if_asked()
        heard = (*self.progress.heard, doing) if doing else self.progress.heard
        self.progress = replace(self.progress, done=done, doing=doing, heard=heard, figures=dict(figures or {}))

    def _end_if_asked(self) -> None:
        if self.is_canceled:
            raise CanceledError
        if time.monotonic() - self._started > self._max_seconds:
            raise PhotopulseError(
                "cannot finish the job",
                why=f"it took more than the allowed {self._max_seconds:g} seconds",
                fix="give a smaller picture or fewer results, or start the server with a larger --max-seconds",
            )
