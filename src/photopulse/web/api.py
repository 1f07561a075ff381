"""The API: send a picture, follow the job, fetch the results, delete everything."""

import io
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.routing import APIRoute

from photopulse.errors import PhotopulseError
from photopulse.restoration.choice import parse_face
from photopulse.restoration.names import OutputFormat
from photopulse.restoration.settings import Halftone, Mode, Part, RestoreSettings, Tone
from photopulse.search.fast import FastSettings
from photopulse.search.names import Quality
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.upscale import UpscaleSettings
from photopulse.web.events import events
from photopulse.web.jobs import Job
from photopulse.web.numbers import prometheus
from photopulse.web.refusals import Problem, RefusedError
from photopulse.web.restore_task import RestoreTask
from photopulse.web.settings import ServeSettings
from photopulse.web.store import JobStore
from photopulse.web.tasks import PREVIEW, Result, Task
from photopulse.web.uploads import media_type
from photopulse.web.upscale_task import UpscaleTask
from photopulse.web.views import API, JobView, view

_MOST_RESULTS = 16
_MOST_FACES = 8
_MOST_NAME, _MOST_NAMES = 40, 5
_MOST_SEED = 2**32 - 1
_MOST_SCALE = 4
_WORKING_SIZES = (64, 2048)

_RESTORE, _UPSCALE, _BATCH = RestoreSettings(), UpscaleSettings(), BatchSettings()

Picture = Annotated[UploadFile, File(description="The picture: JPEG, PNG, TIFF, WebP, AVIF and others.")]


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
    _add_numbers(router, store)
    return router


async def _refuse_unknown(request: Request) -> None:
    """Refuses settings that do not exist: whoever asks for something must not get another thing without a word."""
    known = {field.alias for field in cast(APIRoute, request.scope["route"]).dependant.body_params}
    unknown = sorted(set(await request.form()) - known)
    if unknown:
        names = ", ".join(name[:_MOST_NAME] for name in unknown[:_MOST_NAMES])
        raise RefusedError(
            422, "cannot read the settings", why=f"there is none called {names}", fix=f"use {', '.join(sorted(known))}"
        )


def _add_posts(router: APIRouter, store: JobStore, server: ServeSettings) -> None:
    def added(request: Request, task: Task, file: UploadFile) -> JobView:
        client = request.client.host if request.client else ""
        return view(store.add(client, task, file.file, file.filename), store)

    @router.post(f"{API}/restore", status_code=202, dependencies=[Depends(_refuse_unknown)])
    def restore(
        request: Request,
        file: Picture,
        scale: Annotated[
            float, Form(ge=1, le=_MOST_SCALE, description="Width and height grow by it.")
        ] = _RESTORE.scale,
        strength: Annotated[
            float | None, Form(ge=0, le=1, description="Share of the restoration; else as much as the damage asks.")
        ] = _RESTORE.strength,
        fidelity: Annotated[
            float, Form(ge=0, le=1, description="0: most convincing face; 1: nearest to the input.")
        ] = _RESTORE.fidelity,
        mode: Annotated[Mode, Form(description="archival: nothing is generated.")] = _RESTORE.mode,
        only: Annotated[Part | None, Form(description="Only the faces, or only the photo.")] = _RESTORE.only,
        halftone: Annotated[Halftone, Form(description="auto: remove the dots of print.")] = _RESTORE.halftone,
        tone: Annotated[Tone, Form(description="auto: correct fading.")] = _RESTORE.tone,
        grain: Annotated[bool, Form(description="Add grain like the film grain that was removed.")] = _RESTORE.grain,
        seed: Annotated[int, Form(ge=0, le=_MOST_SEED, description="Of the grain.")] = _RESTORE.seed,
        max_faces: Annotated[int, Form(ge=0, le=64, description="So many of the largest.")] = _RESTORE.max_faces,
        face: Annotated[
            list[str], Form(max_length=64, description="Only this one: N, from 1, or X,Y in px. May be repeated.")
        ] = [],  # noqa: B006
        working_size: Annotated[
            int, Form(ge=_WORKING_SIZES[0], le=_WORKING_SIZES[1], description="Longer side when cleaned, px.")
        ] = _RESTORE.working_size,
        format: Annotated[OutputFormat | None, Form(description="Of the result; else the input's, or png.")] = None,
    ) -> JobView:
        """Restores a photo: the job's result is the clean photo."""
        with _bad_settings():
            chosen = RestoreSettings(
                scale=scale,
                strength=strength,
                fidelity=fidelity,
                mode=mode,
                only=only,
                halftone=halftone,
                tone=tone,
                grain=grain,
                seed=seed,
                max_faces=max_faces,
                faces=tuple(parse_face(text) for text in face),
                working_size=working_size,
            )
        return added(request, RestoreTask(settings=chosen, format=format, max_pixels=server.max_pixels), file)

    @router.post(f"{API}/upscale", status_code=202, dependencies=[Depends(_refuse_unknown)])
    def upscale(
        request: Request,
        file: Picture,
        count: Annotated[int, Form(ge=1, le=_MOST_RESULTS, description="Results for each face.")] = _BATCH.count,
        quality: Annotated[Quality, Form(description="How long the search tries.")] = _UPSCALE.fast.quality,
        seed: Annotated[int, Form(ge=0, le=_MOST_SEED, description="Of the first result.")] = _BATCH.seed,
        align: Annotated[
            Literal["16", "32", "64", "128", "256"] | None,
            Form(description="The picture is a photo: find its faces, and shrink them to this size, px."),
        ] = None,
        fit: Annotated[bool, Form(description="Crop and shrink a face of another size.")] = _BATCH.fit,
        exact: Annotated[bool, Form(description="Correct faces until they downscale to the input.")] = _UPSCALE.exact,
        max_faces: Annotated[int, Form(ge=1, le=_MOST_FACES, description="Of a photo: the largest.")] = 1,
    ) -> JobView:
        """Upscales a small face, or the faces of a photo: the job's results are imaginary faces that fit."""
        # Settings; refuse those that do not go together.
        with _bad_settings():
            if count * max_faces > _MOST_RESULTS:
                raise ValueError(f"count times max_faces may be {_MOST_RESULTS} at most")
            if fit and align is not None:
                raise ValueError("align finds and shrinks faces itself: leave fit out")
            chosen = replace(_UPSCALE, fast=FastSettings(quality=quality), exact=exact)
        # Queue the job.
        task = UpscaleTask(
            settings=chosen,
            count=count,
            seed=seed,
            align=None if align is None else int(align),
            fit=fit,
            max_faces=max_faces,
        )
        return added(request, task, file)


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

    @router.get(f"{API}/jobs/{{job_id}}/preview", response_class=FileResponse)
    def preview(job_id: str) -> FileResponse:
        """Returns a small picture that shows how far a search is."""
        path = store.find(job_id).folder / PREVIEW
        if not path.is_file():
            raise _missing("the job shows no picture, or not yet")
        return FileResponse(path, media_type="image/png")

    # Its results.
    @router.get(f"{API}/jobs/{{job_id}}/result", response_class=Response)
    def result(job_id: str) -> Response:
        """Returns the picture; for several, all as ZIP."""
        results = _results(store.find(job_id))
        return _download(results[0]) if len(results) == 1 else _zip(results)

    @router.get(f"{API}/jobs/{{job_id}}/results/{{number}}", response_class=FileResponse)
    def one_result(job_id: str, number: int) -> FileResponse:
        """Returns one picture of several, counted from 0."""
        return _download(_one(store.find(job_id), number))

    @router.get(f"{API}/jobs/{{job_id}}/results/{{number}}/{{what}}", response_class=FileResponse)
    def to_look_at(job_id: str, number: int, what: Literal["shown", "before", "again"]) -> FileResponse:
        """Returns a picture as browsers show it: the result, its input, or the result made small again."""
        one = _one(store.find(job_id), number)
        path = {"shown": one.shown, "before": one.before, "again": one.again}[what]
        if path is None:
            raise _missing("a restored photo is not made small again")
        return FileResponse(path, media_type=media_type(path))

    # Its end.
    @router.delete(f"{API}/jobs/{{job_id}}", status_code=204)
    def delete(job_id: str) -> None:
        """Cancels a job, and deletes its picture and results at once."""
        store.delete(job_id)


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


@contextmanager
def _bad_settings() -> Generator[None]:
    """Turns settings that do not go together into an error of the request."""
    try:
        yield
    except ValueError as error:
        raise PhotopulseError("cannot take these settings", why=str(error), fix="change them, see /api.html") from error


def _results(job: Job) -> list[Result]:
    if job.state != "done":
        raise RefusedError(
            409, "cannot give the result yet", why=f"the job is {job.state}", fix="ask again when the job is done"
        )
    return job.results


def _one(job: Job, number: int) -> Result:
    results = _results(job)
    if not 0 <= number < len(results):
        raise _missing(f"the job has {len(results)}, counted from 0")
    return results[number]


def _missing(why: str) -> RefusedError:
    return RefusedError(404, "cannot find that result", why=why, fix="see the job's results")


def _download(result: Result) -> FileResponse:
    return FileResponse(result.path, media_type=media_type(result.path), filename=result.name)


def _zip(results: list[Result]) -> Response:
    """Packs pictures, which are compressed already."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for result in results:
            archive.write(result.path, result.name)
    headers = {"Content-Disposition": 'attachment; filename="results.zip"'}
    return Response(packed.getvalue(), media_type="application/zip", headers=headers)
