"""Jobs as the API tells them."""

from collections.abc import Mapping
from dataclasses import dataclass

from photopulse.web.jobs import Job, State
from photopulse.web.progress import Progress
from photopulse.web.refusals import Problem
from photopulse.web.store import JobStore
from photopulse.web.tasks import PREVIEW, Face, Fact, Kind, Result

API = "/api/v1"


@dataclass(frozen=True, kw_only=True)
class ResultView:
    """A result.

    Attributes:
        name: under which it is downloaded.
        url: of the picture.
        shown: address of the picture as browsers show it.
        before: address of the input to compare it with.
        again: address of the result made small again, of `upscale`.
        mask: address of a picture that is white where the photo was repaired, if `save_mask` was asked for.
        notice: what a reader must know of it.
        facts: about it, by name.
        faces: of a photo, the largest first: `face` chooses by places in this list, from 1.
        origin: what a picture that `verify` checked says about its origin, as `photopulse verify --json` tells it.
    """

    name: str
    url: str
    shown: str
    before: str
    again: str | None
    mask: str | None
    notice: str
    facts: Mapping[str, Fact]
    faces: tuple[Face, ...]
    origin: Mapping[str, object] | None


@dataclass(frozen=True, kw_only=True)
class JobView:
    """A job.

    Attributes:
        id: of the job.
        kind: `restore`, `upscale`, `faces` or `verify`.
        state: `waiting`, `running`, `done`, `failed` or `canceled`.
        ahead: number of jobs that are done before it.
        expected_seconds: of the jobs before it and itself, altogether, after the means of earlier ones; null before.
        progress: how far it is.
        preview: address of a picture that shows how far it is, another for each step; null where there is none.
        results: once it is done.
        error: why it failed.
        seconds: it took.
    """

    id: str
    kind: Kind
    state: State
    ahead: int
    expected_seconds: float | None
    progress: Progress
    preview: str | None
    results: list[ResultView]
    error: Problem | None
    seconds: float | None


def view(job: Job, store: JobStore) -> JobView:
    """Returns a job as the API tells it."""
    # The duration is expected only if each kind of job ahead has finished at least once.
    state = job.state  # Read once, because the worker may change it meanwhile.
    ahead = [] if job.has_ended else store.ahead(job)
    times = [store.totals.mean_seconds(one.task.kind) for one in (*ahead, job)]
    known = [seconds for seconds in times if seconds is not None]
    return JobView(
        id=job.id,
        kind=job.task.kind,
        state=state,
        ahead=len(ahead),
        expected_seconds=round(sum(known), 1) if len(known) == len(times) and not job.has_ended else None,
        progress=job.watcher.progress,
        preview=_preview(job) if state == "running" else None,
        results=[_result(job, n, result) for n, result in enumerate(job.results)] if state == "done" else [],
        error=job.problem if state == "failed" else None,
        seconds=None if job.seconds is None else round(job.seconds, 3),
    )


def _preview(job: Job) -> str | None:
    progress = job.watcher.progress
    if not progress.done or not (job.folder / PREVIEW).is_file():
        return None
    return f"{API}/jobs/{job.id}/preview?step={progress.done}"


def _result(job: Job, number: int, result: Result) -> ResultView:
    address = f"{API}/jobs/{job.id}/results/{number}"
    return ResultView(
        name=result.name,
        url=address,
        shown=f"{address}/shown",
        before=f"{address}/before",
        again=None if result.again is None else f"{address}/again",
        mask=None if result.mask is None else f"{address}/mask",
        notice=result.notice,
        facts=result.facts,
        faces=result.faces,
        origin=result.origin,
    )
