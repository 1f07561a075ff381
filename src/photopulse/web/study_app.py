"""The application of a study: gate, API, the page on which people rate."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

from photopulse.study.sessions import Sessions
from photopulse.web.app import PAGE, make_gated
from photopulse.web.settings import ServeSettings
from photopulse.web.study_api import make_study_api

_SHARED = ("style.css", "words.js", "icon.svg", "api.html", "api.js")  # Files of the page of `serve`.


def make_study_app(settings: ServeSettings, folder: Path) -> FastAPI:
    """Returns the application that shows the study in ``folder`` to raters and records their answers there.

    Raises:
        PhotopulseError: if it is no study, or another server has it open.
    """
    sessions = Sessions(folder)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        await asyncio.to_thread(sessions.close)

    app = make_gated(settings, lifespan, "Shows pictures to raters and records their answers.")
    app.include_router(make_study_api(sessions))
    for name in _SHARED:
        app.add_api_route(f"/{name}", _sending(Path(PAGE) / name), include_in_schema=False)
    app.mount("/", StaticFiles(directory=str(files("photopulse.web") / "study_page"), html=True))
    return app


def _sending(path: Path) -> Callable[[], FileResponse]:
    def send() -> FileResponse:
        return FileResponse(path)

    return send
