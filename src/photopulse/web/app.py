"""The application: gate, API, page."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan

from photopulse.errors import PhotopulseError
from photopulse.web.answers import http_error, invalid, told
from photopulse.web.api import make_api
from photopulse.web.gate import Gate
from photopulse.web.models import Models
from photopulse.web.settings import ServeSettings
from photopulse.web.store import JobStore

PAGE = str(files("photopulse.web") / "page")
"""Folder of the page."""

_EXPIRE_EVERY = 5.0  # Seconds.


def make_app(settings: ServeSettings, models: Models) -> FastAPI:
    """Returns the application; when it shuts down, its jobs end and all their files are deleted."""
    store = JobStore(settings, models)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        expiring = asyncio.create_task(_expire(store))
        yield
        expiring.cancel()
        await asyncio.to_thread(store.close)

    app = make_gated(
        settings, lifespan, "Restores photos and upscales faces. Upscaled faces are imaginary: they identify no one."
    )
    app.include_router(make_api(store, settings))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def make_gated(settings: ServeSettings, lifespan: Lifespan[FastAPI], description: str) -> FastAPI:
    """Returns an application without routes that lets in whom the gate admits, and tells errors as JSON."""
    app = FastAPI(
        title="photopulse",
        version=version("photopulse"),
        description=description,
        lifespan=lifespan,
        # Their pages load scripts from another host; ours is api.html.
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(PhotopulseError, told)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_middleware(Gate, settings=settings)
    return app


async def _expire(store: JobStore) -> None:
    while True:
        await asyncio.sleep(_EXPIRE_EVERY)
        await asyncio.to_thread(store.expire, time.monotonic())
