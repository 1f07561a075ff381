"""Runs the server until it is interrupted."""

import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from photopulse.errors import file_errors
from photopulse.web.connection import Connection
from photopulse.web.settings import ServeSettings

_MOST_CONNECTIONS = 512
# Seconds; longer than clients keep connections, who else send a request into one that is being closed.
_KEEP_ALIVE = 20
_FAREWELL = 2  # Seconds that open connections have at exit.


def serve(
    settings: ServeSettings,
    make_app: Callable[[], FastAPI],
    *,
    certificate: Path | None = None,
    certificate_key: Path | None = None,
    on_ready: Callable[[str], None],
) -> None:
    """Serves an application until it is interrupted, and then shuts it down.

    Args:
        settings: settings of the server.
        make_app: makes the application; called once it is known that the server can listen.
        certificate: file of a TLS certificate, for https; None for http.
        certificate_key: file of its private key; None if the key is in the same file.
        on_ready: called with the address once clients can connect.

    Raises:
        PhotopulseError: if the address cannot be listened on, or the certificate cannot be read.
    """
    if certificate is not None:
        with file_errors("cannot use the certificate", fix="give PEM files, see --help"):
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, certificate_key)
    with file_errors(f"cannot listen on {settings.host}, port {settings.port}", fix="choose another --host or --port"):
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family)
    # Whoever sends rubbish must not fill the log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    with listener:
        server = make_server(make_app(), certificate=certificate, certificate_key=certificate_key)
        on_ready(_address(settings.host, listener.getsockname()[1], "http" if certificate is None else "https"))
        server.run(sockets=[listener])


def make_server(
    app: FastAPI, *, certificate: Path | None = None, certificate_key: Path | None = None
) -> uvicorn.Server:
    """Returns a server of an application that does not listen yet; the arguments are those of ``serve``."""
    config = uvicorn.Config(
        app,
        http=Connection,
        # Nothing is served by websockets: requests for one are answered as any other.
        ws="none",
        # Addresses contain the ids of jobs and of raters, which give access to them, so they must not be logged.
        access_log=False,
        log_level="error",
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_FAREWELL,
        ssl_certfile=certificate,
        ssl_keyfile=certificate_key,
    )
    return uvicorn.Server(config)


def _address(host: str, port: int, scheme: str) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
