"""Options of the commands that serve pages, and what they mean."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.console import print_note
from photopulse.extras import need_packages
from photopulse.files import read_text

if TYPE_CHECKING:
    from fastapi import FastAPI

    from photopulse.web.settings import ServeSettings

_SAFETY = "Safety"
_MOST_SECRET = 2**16  # Bytes.
PACKAGES = ("fastapi", "uvicorn", "python_multipart")

Host = Annotated[str, typer.Option(help="Address to listen on; one that others reach needs a secret.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="PHOTOPULSE_TOKEN",
        help="Clients must send it, as bearer token or as password.",
        rich_help_panel=_SAFETY,
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(help="The same, read from the first line of a file.", rich_help_panel=_SAFETY),
]
Certificate = Annotated[Path | None, typer.Option(help="A TLS certificate (PEM), for https.", rich_help_panel=_SAFETY)]
CertificateKey = Annotated[
    Path | None, typer.Option(help="Its private key, if in another file.", rich_help_panel=_SAFETY)
]


def need_server(extra: str) -> None:
    """Raises PhotopulseError if a package of the server is missing; ``extra`` is the one that the command asks for."""
    need_packages("cannot serve", PACKAGES, extra=extra)


def find_secret(token: str | None, password_file: Path | None) -> str | None:
    """Returns the secret that clients must send: the token, or the first line of the password file.

    Raises:
        ValueError: if both are given.
        PhotopulseError: if the file cannot be read.
    """
    if password_file is None:
        return token
    if token is not None:
        raise ValueError("--token and --password-file say the same: leave one out")
    fix = "name a file with the password in its first line"
    lines = read_text(password_file, most=_MOST_SECRET, fix=fix).splitlines()
    return lines[0] if lines else ""


def serve_page(
    settings: "ServeSettings",
    make_app: "Callable[[], FastAPI]",
    certificate: Path | None,
    certificate_key: Path | None,
    *,
    ready: str,
) -> None:
    """Serves an application until it is interrupted; once it listens, prints ``ready`` with its address.

    Raises:
        PhotopulseError: if the address cannot be listened on, or the certificate cannot be read.
    """
    from photopulse.web.listening import serve

    serve(
        settings,
        make_app,
        certificate=certificate,
        certificate_key=certificate_key,
        on_ready=lambda address: print_note(ready.format(address)),
    )
