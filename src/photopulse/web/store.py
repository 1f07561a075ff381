"""Stores all jobs of the server: admits them within limits, and deletes them with their files after a while."""

import secrets
import shutil
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from photopulse.web.jobs import Job, State
from photopulse.web.models import Models
from photopulse.web.private_folder import PrivateFolder
from photopulse.web.progress import JobWatcher
from photopulse.web.refusals import RefusedError
from photopulse.web.running import Worker
from photopulse.web.settings import ServeSettings
from photopulse.web.tasks import Kind, Task
from photopulse.web.uploads import keep_upload

_ID_BYTES = 16
_PATIENCE = 5.0  # Seconds for the present job at exit.
_GRACE = 60.0  # Seconds for which nobody else's job pushes out an ended one, so that its results can be fetched.


@dataclass(kw_only=True)
class Totals:
    """Numbers since the start.

    Attributes:
        ended: numbers of ended jobs, by kind and final state.
        seconds: total duration of the finished jobs in seconds, by kind.
    """

    ended: Counter[tuple[Kind, State]] = field(default_factory=Counter[tuple[Kind, State]])
    seconds: dict[Kind, float] = field(default_factory=lambda: defaultdict[Kind, float](float))

    def mean_seconds(self, kind: Kind) -> float | None:
        """Returns the mean duration of finished jobs of a kind in seconds; None before the first."""
        done = self.ended[kind, "done"]
        return self.seconds[kind] / done if done else None


class JobStore:
    """Admits, finds and deletes jobs; may be used from several threads.

    Args:
        settings: settings of the server, with the limits.
        models: models that the jobs use.
    """

    def __init__(self, settings: ServeSettings, models: Models) -> None:
        self.totals = Totals()
        self.changes = 0  # Of the queue, so that those who wait need not look through all jobs to learn of one.
        self._settings = settings
        self._folder = PrivateFolder()
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()
        self._worker = Worker(models, self._count)

    @property
    def is_healthy(self) -> bool:
        """Whether the worker still runs."""
        return self._worker.is_alive

    @property
    def folder(self) -> Path:
        """The private folder of all jobs' files."""
        return self._folder.path

    def add(self, client: str, task: Task, content: BinaryIO, name: str | None, *, mask: BinaryIO | None = None) -> Job:
        """Admits a job, keeps its upload, and puts it into the queue.

        Args:
            client: IP address of the client.
            task: what is to be done.
            content: the picture.
            name: the client's name of it.
            mask: picture that is white where the photo is damaged; None if there is none.

        Raises:
            RefusedError: if there is no room.
            PhotopulseError: if the upload is no picture, or has too many pixels.
        """
        job = self._admit(client, task)
        try:
            job.upload = keep_upload(content, name, job.folder, max_pixels=self._settings.max_pixels, mask=mask)
        except BaseException:
            self.delete(job.id)
            raise
        self._worker.add(job)
        return job

    def find(self, job_id: str) -> Job:
        """Returns a job by its id.

        Raises:
            RefusedError: if there is none, or no more.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise RefusedError(
                404,
                "cannot find the job",
                why=f"there is none of that id, or it ended more than {self._settings.keep:g} minutes ago",
                fix="send the picture again",
            )
        return job

    def delete(self, job_id: str) -> None:
        """Cancels a job, and deletes its upload and its results.

        Raises:
            RefusedError: if there is none.
        """
        job = self.find(job_id)
        job.watcher.cancel()
        with self._lock:
            self._jobs.pop(job_id, None)
            self.changes += 1
        if job.state != "running":
            job.end("canceled")
        # The worker deletes what a running job still writes.
        shutil.rmtree(job.folder, ignore_errors=True)

    def ahead(self, job: Job) -> list[Job]:
        """Lists the jobs that are done before this one, the running one too."""
        jobs = list(self._jobs.values())
        return [other for other in jobs[: jobs.index(job)] if not other.has_ended] if job in jobs else []

    def states(self) -> Counter[State]:
        """Counts the jobs that are kept by their states."""
        return Counter(job.state for job in list(self._jobs.values()))

    def expire(self, now: float) -> None:
        """Deletes the jobs that ended longer ago than they are kept; ``now`` is of the monotonic clock."""
        oldest = now - self._settings.keep * 60
        for job in list(self._jobs.values()):
            if job.ended is not None and job.ended < oldest:
                self._drop(job)

    def close(self) -> None:
        """Cancels all jobs, ends the worker, and deletes every upload and result."""
        for job in list(self._jobs.values()):
            self._drop(job)
        self._worker.close(_PATIENCE)
        self._folder.remove()

    def _drop(self, job: Job) -> None:
        if job.id in self._jobs:
            self.delete(job.id)

    def _admit(self, client: str, task: Task) -> Job:
        limits = self._settings
        with self._lock:
            theirs = [job for job in self._jobs.values() if job.client == client]
            self._make_room(theirs, limits.max_jobs_each, 429, "you have as many jobs as one client may have", 0.0)
            every = list(self._jobs.values())
            self._make_room(every, limits.max_jobs, 503, "the server has as many as it may have", _GRACE)
            job_id = secrets.token_urlsafe(_ID_BYTES)
            folder = self._folder.path / job_id
            folder.mkdir(mode=0o700)
            job = Job(id=job_id, client=client, task=task, folder=folder, watcher=JobWatcher(limits.max_seconds))
            self._jobs[job_id] = job
        return job

    def _make_room(self, jobs: list[Job], most: int, status: int, why: str, grace: float) -> None:
        """Deletes the oldest job that ended ``grace`` seconds ago or earlier where there are too many.

        Raises:
            RefusedError: if there is none.
        """
        if len(jobs) < most:
            return
        latest = time.monotonic() - grace
        ended = next((job for job in jobs if job.ended is not None and job.ended <= latest), None)
        if ended is None:
            raise RefusedError(status, "cannot take another job", why=f"{why}: {most}", fix="try again in a minute")
        self._jobs.pop(ended.id, None)
        shutil.rmtree(ended.folder, ignore_errors=True)

    def _count(self, job: Job) -> None:
        with self._lock:
            self.changes += 1
            self.totals.ended[job.task.kind, job.state] += 1
            if job.state == "done":
                self.totals.seconds[job.task.kind] += job.seconds or 0.0
