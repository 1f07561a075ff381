"""One job: an upload, what is done with it, and what became of it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from photopulse.web.progress import JobWatcher
from photopulse.web.refusals import Problem
from photopulse.web.tasks import Result, Task
from photopulse.web.uploads import Upload

State = Literal["waiting", "running", "done", "failed", "canceled"]


@dataclass(kw_only=True, eq=False)
class Job:
    """A job, from the upload until it is deleted.

    Attributes:
        id: random, so that nobody guesses it.
        client: whose job it is.
        task: what is done.
        folder: private to it.
        watcher: hears of its progress.
        upload: the input; None until it was read.
        state: what has become of it.
        results: once it is done.
        problem: why it failed.
        seconds: it took.
        ended: when it ended, on the monotonic clock; None before.
    """

    id: str
    client: str
    task: Task
    folder: Path
    watcher: JobWatcher
    upload: Upload | None = None
    state: State = "waiting"
    results: list[Result] = field(default_factory=list[Result])
    problem: Problem | None = None
    seconds: float | None = None
    ended: float | None = None

    @property
    def has_ended(self) -> bool:
        """Says whether nothing will change any more."""
        return self.state in ("done", "failed", "canceled")

    def end(self, state: State, *, problem: Problem | None = None) -> None:
        """Tells what has become of the job."""
        self.problem = problem
        self.ended = time.monotonic()
        self.state = state
