"""The worker: one thread that does the jobs, one after the other, in the order in which they came."""

import logging
import shutil
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from photopulse.errors import PhotopulseError
from photopulse.runs.failures import FAILURES, reason
from photopulse.web.jobs import Job
from photopulse.web.models import Models
from photopulse.web.progress import CanceledError
from photopulse.web.refusals import Problem, problem_of
from photopulse.web.uploads import nameless

_LOG = logging.getLogger(__name__)


class Worker:
    """Runs jobs in a thread of its own, the only one that uses the models.

    Args:
        models: models that the jobs use.
        on_end: called with each job that has ended.
    """

    def __init__(self, models: Models, on_end: Callable[[Job], None]) -> None:
        self._models = models
        self._on_end = on_end
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="photopulse-worker", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def add(self, job: Job) -> None:
        """Puts a job at the end of the queue."""
        self._queue.put(job)

    def close(self, patience: float) -> None:
        """Ends the thread after its present job, and waits at most ``patience`` seconds for it."""
        self._queue.put(None)
        self._thread.join(patience)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if not job.watcher.is_canceled:
                self._run(job)
            if job.watcher.is_canceled:
                shutil.rmtree(job.folder, ignore_errors=True)

    def _run(self, job: Job) -> None:
        # Do the task; whatever ends it sets the job's final state.
        job.state = "running"
        job.watcher.begin()
        started = time.monotonic()
        try:
            if job.upload is None:
                raise RuntimeError("a job was queued without its upload")
            job.results = job.task.run(job.upload, job.folder, self._models, job.watcher)
            job.seconds = time.monotonic() - started
            job.end("done")
        except CanceledError:
            job.end("canceled")
        except FAILURES as error:
            job.end("failed", problem=_problem(job, error))
        except Exception as error:  # The next jobs go on, whatever this one's picture did.
            _LOG.exception("a job failed")
            job.end("failed", problem=_problem(job, error))
        self._on_end(job)


def _problem(job: Job, error: Exception) -> Problem:
    """Returns the error for the client, without paths of this server."""
    if isinstance(error, PhotopulseError) and job.upload is not None:
        return problem_of(nameless(error, job.folder))
    return Problem(
        what=f"cannot {job.task.kind} the picture",
        why=reason(error).replace(str(job.folder), "the job's folder"),
        fix="try another picture or a smaller one, and report this if it stays",
    )
