"""Defines a job: an upload, its task, its state and its results."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from photopulse.web.progress import JobWatcher
from photopulse.web.refusals import Problem
from photopulse.web.tasks import Result, Task
from photopulse.web.uploads import Upload

State = Literal["waiting", "running", "done", "failed", "canceled"]
ENDED: Final[tuple[State, ...]] = ("done", "failed", "canceled")


@dataclass(kw_only=True, eq=False)
class Job:
    """A job, from the upload until it is deleted.

    Attributes:
        id: random identifier that cannot be guessed.
        client: IP address of the client.
        task: task that is done with the upload.
        folder: private folder of the job's files.
        watcher: watcher that records the progress and can cancel the job.
        upload: input of the job; None until it was read.
        state: present state.
        results: results; empty until the job is done.
        problem: error with which the job failed; None if it did not fail.
        seconds: duration of the task in seconds; None until the job is done.
        ended: time of the end in seconds of the monotonic clock; None before.
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
        """Whether the job has reached a final state."""
        return self.state in ENDED

    def end(self, state: State, *, problem: Problem | None = None) -> None:
        """Sets the final state of the job."""
        self.problem = problem
        self.ended = time.monotonic()
        self.state = state
