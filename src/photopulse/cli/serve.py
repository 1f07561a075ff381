"""`photopulse serve`: a page and an API that restore photos and upscale faces."""

from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import Device, find_device, find_signature
from photopulse.cli.serve_options import (
    Certificate,
    CertificateKey,
    Host,
    PasswordFile,
    Port,
    Token,
    find_secret,
    need_server,
    serve_page,
)
from photopulse.errors import PhotopulseError
from photopulse.weights import DEFAULT_GENERATOR

_LIMITS, _SAFETY = "Limits", "Safety"


def serve_command(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    generator: Annotated[str, typer.Option(help="Of upscale: a name, or a generator's file.")] = DEFAULT_GENERATOR,
    device: Device = "auto",
    token: Token = None,
    password_file: PasswordFile = None,
    certificate: Certificate = None,
    certificate_key: CertificateKey = None,
    sign: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Sign results with this private key: a PEM file, or env:NAME.", rich_help_panel=_SAFETY
        ),
    ] = None,
    sign_certificate: Annotated[
        Path | None,
        typer.Option(metavar="CHAIN", help="Of --sign: certificates in PEM, your own first.", rich_help_panel=_SAFETY),
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
    try:
        need_server("web")
        from photopulse.web.app import make_app
        from photopulse.web.models import Models
        from photopulse.web.settings import ServeSettings

        # Settings, then serve until interrupted; networks are loaded when a job needs them.
        settings = ServeSettings(
            host=host,
            port=port,
            secret=find_secret(token, password_file),
            keep=keep,
            max_megabytes=max_megabytes,
            max_megapixels=max_megapixels,
            max_jobs=max_jobs,
            max_jobs_each=max_jobs_each,
            max_seconds=max_seconds,
            signature=find_signature(sign, sign_certificate, "--sign-certificate"),
        )
        models = Models.lazy(generator, find_device(device))
        serve_page(
            settings,
            lambda: make_app(settings, models),
            certificate,
            certificate_key,
            ready="photopulse serves {} (Ctrl-C ends it and deletes all pictures)",
        )
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)
