"""The API: send a picture, follow the job, fetch the results, delete everything."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, UploadFile
from fastapi.responses import PlainTextResponse, StreamingResponse

from photopulse.web.events import events
from photopulse.web.faces_task import FacesTask
from photopulse.web.forms import check_fields
from photopulse.web.jobs import Job
from photopulse.web.numbers import prometheus
from photopulse.web.refusals import Problem, RefusedError
from photopulse.web.restore_form import RestoreForm, read_faces_form, read_restore_form
from photopulse.web.restore_task import RestoreTask
from photopulse.web.sending import CANNOT_PACK, missing, send_archive, send_picture
from photopulse.web.settings import ServeSettings
from photopulse.web.store import JobStore
from photopulse.web.tasks import PREVIEW, Result, Task
from photopulse.web.upscale_form import UpscaleForm, read_upscale_form
from photopulse.web.verify_form import VerifyForm, read_verify_form
from photopulse.web.views import API, JobView, view

_MOST_PACKED = 64  # Jobs in an archive.
_ARCHIVE = "results.zip"


@dataclass(frozen=True, kw_only=True)
class ErrorView:
    """What went wrong.

    Attributes:
        error: in three parts.
    """

    error: Problem


def make_api(store: JobStore, settings: ServeSettings) -> APIRouter:
    """Returns the routes of the API, and those that watch the server."""
    errors = {status: {"model": ErrorView} for status in (401, 403, 413, 422, 429, 503)}
    router = APIRouter(responses={status: dict(error) for status, error in errors.items()})
    _add_posts(router, store, settings)
    _add_jobs(router, store)
    _add_results(router, store)
    _add_numbers(router, store)
    return router


def _add_posts(router: APIRouter, store: JobStore, server: ServeSettings) -> None:
    def added(request: Request, task: Task, file: UploadFile, mask: UploadFile | None = None) -> JobView:
        client = request.client.host if request.client else ""
        job = store.add(client, task, file.file, file.filename, mask=None if mask is None else mask.file)
        return view(job, store)

    @router.post(f"{API}/restore", status_code=202, dependencies=[Depends(check_fields(read_restore_form))])
    def restore(request: Request, form: Annotated[RestoreForm, Depends(read_restore_form)]) -> JobView:
        """Restores a photo: the job's result is the clean photo."""
        task = RestoreTask(
            settings=form.settings,
            format=form.format,
            max_pixels=server.max_pixels,
            save_mask=form.save_mask,
            signature=server.signature,
        )
        return added(request, task, form.file, form.mask)

    @router.post(f"{API}/faces", status_code=202, dependencies=[Depends(check_fields(read_faces_form))])
    def faces(request: Request, form: Annotated[RestoreForm, Depends(read_faces_form)]) -> JobView:
        """Finds the faces that `restore` finds with the same settings, and restores nothing, so that you can choose."""
        return added(request, FacesTask(settings=form.settings), form.file, form.mask)

    @router.post(f"{API}/upscale", status_code=202, dependencies=[Depends(check_fields(read_upscale_form))])
    def upscale(request: Request, form: Annotated[UpscaleForm, Depends(read_upscale_form)]) -> JobView:
        """Upscales a small face, or the faces of a photo: the job's results are imaginary faces that fit."""
        return added(request, replace(form.task, signature=server.signature), form.file)

    @router.post(f"{API}/verify", status_code=202, dependencies=[Depends(check_fields(read_verify_form))])
    def verify(request: Request, form: Annotated[VerifyForm, Depends(read_verify_form)]) -> JobView:
        """Tells what a picture says about its origin; the job's one result has it as `origin`."""
        return added(request, form.task, form.file)


def _add_jobs(router: APIRouter, store: JobStore) -> None:
    # How far a job is.
    @router.get(f"{API}/jobs/{{job_id}}")
    def job(job_id: str) -> JobView:
        """Tells how far a job is, and its results once it is done."""
        return view(store.find(job_id), store)

    @router.get(f"{API}/jobs/{{job_id}}/events", response_class=StreamingResponse)
    def job_events(job_id: str) -> StreamingResponse:
        """Tells the job as server-sent events, named `job`, whenever it changes, until it ends."""
        return StreamingResponse(events(store.find(job_id), store), media_type="text/event-stream")

    @router.get(f"{API}/jobs/{{job_id}}/preview", response_class=StreamingResponse)
    def preview(job_id: str) -> StreamingResponse:
        """Returns a small picture that shows how far a search is."""
        path = store.find(job_id).folder / PREVIEW
        if not path.is_file():
            raise missing("the job shows no picture, or not yet")
        return send_picture(path)

    # What was sent.
    @router.get(f"{API}/jobs/{{job_id}}/input", response_class=StreamingResponse)
    def job_input(job_id: str) -> StreamingResponse:
        """Returns the picture that was sent."""
        upload = store.find(job_id).upload
        if upload is None:
            raise missing("the picture is still being read")
        return send_picture(upload.path, name=upload.name)

    @router.get(f"{API}/jobs/{{job_id}}/mask", response_class=StreamingResponse)
    def job_mask(job_id: str) -> StreamingResponse:
        """Returns the mask that was sent with the picture."""
        upload = store.find(job_id).upload
        if upload is None or upload.mask is None:
            raise missing("no mask was sent")
        return send_picture(upload.mask)

    # Its end.
    @router.delete(f"{API}/jobs/{{job_id}}", status_code=204)
    def delete(job_id: str) -> None:
        """Cancels a job, and deletes its picture and results at once."""
        store.delete(job_id)


def _add_results(router: APIRouter, store: JobStore) -> None:
    # Whole pictures.
    @router.get(f"{API}/jobs/{{job_id}}/result", response_class=StreamingResponse)
    def result(job_id: str) -> StreamingResponse:
        """Returns the picture; for several, all as ZIP."""
        results = _results(store.find(job_id))
        if len(results) == 1:
            return send_picture(results[0].path, name=results[0].name)
        return send_archive(results, store.folder, _ARCHIVE)

    @router.get(f"{API}/{_ARCHIVE}", response_class=StreamingResponse)
    def archive(job: Annotated[list[str], Query(min_length=1, max_length=_MOST_PACKED)]) -> StreamingResponse:
        """Returns the results of several jobs as ZIP."""
        if len(set(job)) < len(job):
            raise RefusedError(422, CANNOT_PACK, why="a job is named more than once", fix="name each job once")
        return send_archive([one for job_id in job for one in _results(store.find(job_id))], store.folder, _ARCHIVE)

    @router.get(f"{API}/jobs/{{job_id}}/results/{{number}}", response_class=StreamingResponse)
    def one_result(job_id: str, number: int) -> StreamingResponse:
        """Returns one picture of several, counted from 0."""
        one = _one(store.find(job_id), number)
        return send_picture(one.path, name=one.name)

    # Pictures to look at.
    @router.get(f"{API}/jobs/{{job_id}}/results/{{number}}/{{what}}", response_class=StreamingResponse)
    def to_look_at(job_id: str, number: int, what: Literal["shown", "before", "again", "mask"]) -> StreamingResponse:
        """Returns a picture as browsers show it: the result, its input, the result made small again, or the mask."""
        one = _one(store.find(job_id), number)
        path = {"shown": one.shown, "before": one.before, "again": one.again, "mask": one.mask}[what]
        if path is None:
            raise missing(f"this result has no {what}")
        return send_picture(path)


def _add_numbers(router: APIRouter, store: JobStore) -> None:
    @router.get("/healthz", response_class=PlainTextResponse)
    def health() -> str:
        """Says that jobs are being done."""
        if not store.is_healthy:
            raise RefusedError(503, "cannot do jobs", why="the worker has ended", fix="start the server again")
        return "ok\n"

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> str:
        """Tells numbers in Prometheus' text format."""
        return prometheus(store)


def _results(job: Job) -> list[Result]:
    state = job.state  # Read once, because the worker may change it meanwhile.
    if state == "done":
        return job.results
    # Of a job that has ended otherwise there will be no result.
    what, again = "cannot give the result", "send the picture again"
    if state == "failed" and (problem := job.problem) is not None:
        raise RefusedError(409, what, why=f"the job has failed: {problem.what}: {problem.why}", fix=problem.fix)
    if state == "canceled":
        raise RefusedError(409, what, why="the job was canceled", fix=again)
    raise RefusedError(409, f"{what} yet", why=f"the job is {state}", fix="ask again when the job is done")


def _one(job: Job, number: int) -> Result:
    results = _results(job)
    if not 0 <= number < len(results):
        raise missing(f"the job has {len(results)}, counted from 0")
    return results[number]
