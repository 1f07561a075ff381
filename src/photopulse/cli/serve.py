"""`photopulse serve`: a page and an API that restore photos and upscale faces."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.console import fail, print_note
from photopulse.cli.options import Device, find_device
from photopulse.errors import PhotopulseError, file_errors
from photopulse.weights import DEFAULT_GENERATOR

if TYPE_CHECKING:
    from photopulse.web.settings import ServeSettings

_SAFETY, _LIMITS = "Safety", "Limits"
_PACKAGES = ("fastapi", "uvicorn", "python_multipart")


def serve_command(
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others reach needs a secret.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8000,
    generator: Annotated[str, typer.Option(help="Of upscale: a name, or a generator's file.")] = DEFAULT_GENERATOR,
    device: Device = "auto",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="PHOTOPULSE_TOKEN",
            help="Clients must send it, as bearer token or as password.",
            rich_help_panel=_SAFETY,
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="The same, read from the first line of a file.", rich_help_panel=_SAFETY),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="A TLS certificate (PEM), for https.", rich_help_panel=_SAFETY)
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="Its private key, if in another file.", rich_help_panel=_SAFETY)
    ] = None,
    keep: Annotated[
        float,
        typer.Option(metavar="MINUTES", help="Then pictures of ended jobs are deleted.", rich_help_panel=_LIMITS),
    ] = 30.0,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Of an upload.", rich_help_panel=_LIMITS)] = 32,
    max_megapixels: Annotated[int, typer.Option(min=1, help="Of an input or result.", rich_help_panel=_LIMITS)] = 40,
    max_jobs: Annotated[
        int, typer.Option(min=1, help="Kept at once; the oldest ended ones make room.", rich_help_panel=_LIMITS)
    ] = 128,
    max_jobs_each: Annotated[int, typer.Option(min=1, help="Of one client.", rich_help_panel=_LIMITS)] = 64,
    max_seconds: Annotated[int, typer.Option(min=1, help="Of computing for a job.", rich_help_panel=_LIMITS)] = 600,
) -> None:
    """Serves a page and an API on this machine that restore photos and upscale faces.

    Pictures stay on this machine, in a private folder, and are deleted after a while, on request, and at exit (Ctrl-C).
    """
    # The packages of the server are optional.
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        fail(f"cannot serve: {', '.join(missing)} is not installed. Run: pip install 'photopulse[web]'", 2)
    from photopulse.web.settings import ServeSettings

    # Settings, then serve until interrupted.
    try:
        settings = ServeSettings(
            host=host,
            port=port,
            secret=_secret(token, password_file),
            keep=keep,
            max_megabytes=max_megabytes,
            max_megapixels=max_megapixels,
            max_jobs=max_jobs,
            max_jobs_each=max_jobs_each,
            max_seconds=max_seconds,
        )
        _serve(settings, generator, find_device(device), certificate, certificate_key)
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)


def _serve(
    settings: "ServeSettings", generator: str, device: str, certificate: Path | None, certificate_key: Path | None
) -> None:
    from photopulse.web.listening import serve
    from photopulse.web.models import Models

    # Say the address once the server listens.
    def on_ready(address: str) -> None:
        print_note(f"photopulse serves {address} (Ctrl-C ends it and deletes all pictures)")

    # Serve until interrupted; networks are loaded when a job needs them.
    serve(
        settings,
        Models.lazy(generator, device),
        certificate=certificate,
        certificate_key=certificate_key,
        on_ready=on_ready,
    )


def _secret(token: str | None, password_file: Path | None) -> str | None:
    """Returns the secret that clients must send: the token, or the first line of the password file.

    Raises:
        ValueError: if both are given, or the file contains no text.
        PhotopulseError: if the file cannot be read.
    """
    if password_file is None:
        return token
    if token is not None:
        raise ValueError("--token and --password-file say the same: leave one out")
    with file_errors(f"cannot read {password_file}", fix="name a file with the password in its first line"):
        lines = password_file.read_text(encoding="utf-8").splitlines()
    return lines[0] if lines else ""
