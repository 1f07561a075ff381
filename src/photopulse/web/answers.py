"""Turns errors into JSON responses, which always have the same three parts."""

from dataclasses import asdict

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from photopulse.errors import PhotopulseError
from photopulse.web.plain_words import in_plain_words
from photopulse.web.refusals import Problem, RefusedError, problem_of

_RETRY = {429: "10", 503: "10"}


def refusal(error: PhotopulseError) -> JSONResponse:
    """Returns the response to an error that the user can mend: status 422, or that of a ``RefusedError``."""
    status = error.status if isinstance(error, RefusedError) else 422
    headers = {"Retry-After": _RETRY[status]} if status in _RETRY else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="photopulse", charset="UTF-8"'
    return _json(status, problem_of(error), headers)


async def told(_request: Request, error: Exception) -> JSONResponse:
    """Handles a ``PhotopulseError``."""
    if not isinstance(error, PhotopulseError):
        raise error
    return refusal(error)


async def invalid(_request: Request, error: Exception) -> JSONResponse:
    """Handles parameters that are missing or out of range; the response does not repeat what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    why = "; ".join(map(in_plain_words, error.errors()))
    return _json(422, Problem(what="cannot read the request", why=why, fix="see /api.html"))


async def http_error(_request: Request, error: Exception) -> JSONResponse:
    """Handles errors of the framework: unknown addresses, wrong methods, malformed forms."""
    if not isinstance(error, HTTPException):
        raise error
    problem = Problem(what="cannot serve this request", why=str(error.detail), fix="see /api.html")
    return _json(error.status_code, problem, dict(error.headers or {}))


def _json(status: int, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": asdict(problem)}, status, headers)
