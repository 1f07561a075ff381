"""Decides who may send requests: clients with the secret, programs of this machine, and pages of this server only."""

import base64
import binascii
import ipaddress
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from photopulse.web.refusals import RefusedError
from photopulse.web.settings import ServeSettings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_PATHS = frozenset({"/healthz"})


def check_request(method: str, path: str, headers: Headers, settings: ServeSettings) -> None:
    """Checks the headers of a request before its body is read.

    A page of another site makes browsers send requests here. Browsers say of whom they are in ``Sec-Fetch-Site`` and
    ``Origin``, which no page can change; programs that are no browsers send neither. A site whose name is made to lead
    to this machine (DNS rebinding) is known by ``Host``.

    Raises:
        RefusedError: with status 403 for requests of other sites, 401 for clients without the secret.
    """
    if settings.secret is None and not _is_here(headers.get("host", ""), settings.host):
        raise _forbidden("it was asked for under the name of another machine", "open it as http://127.0.0.1")
    if method not in _SAFE_METHODS and _is_foreign(headers):
        raise _forbidden("another site sent the request", "use the page of this server, or a program")
    if settings.secret is not None and path not in _OPEN_PATHS and not _knows(headers, settings.secret):
        raise RefusedError(
            401,
            "cannot let you in",
            why="the token or password is missing or wrong",
            fix="send it as 'Authorization: Bearer TOKEN', or as the password of any user",
        )


def _is_here(host: str, own: str) -> bool:
    """Returns whether a request addresses this machine by a name that belongs to no other."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in {"localhost", own} or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_foreign(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _knows(headers: Headers, secret: str) -> bool:
    """Returns whether the headers contain the secret; the comparison takes constant time."""
    scheme, _, told = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        told = _password(told)
    elif scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(told.encode(errors="replace"), secret.encode(errors="replace"))


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _forbidden(why: str, fix: str) -> RefusedError:
    return RefusedError(403, "cannot serve this request", why=why, fix=fix)
