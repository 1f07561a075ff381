"""The command line: parse, make settings, one call, print."""

import sys

import typer

from photopulse.cli import models, train
from photopulse.cli.align import align_command
from photopulse.cli.audit import audit_command
from photopulse.cli.crop import crop_command
from photopulse.cli.evaluate import evaluate_command
from photopulse.cli.restore import restore_command
from photopulse.cli.sample import sample_command
from photopulse.cli.serve import serve_command
from photopulse.cli.upscale import upscale_command

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Makes faces in photos sharp: realistic large faces that downscale to the small one you have.",
)
app.command("upscale")(upscale_command)
app.command("restore")(restore_command)
app.command("align")(align_command)
app.command("crop")(crop_command)
app.command("audit")(audit_command)
app.command("evaluate")(evaluate_command)
app.command("sample")(sample_command)
app.command("serve")(serve_command)
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")


@app.callback(invoke_without_command=True)
def show_version(*, version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Makes faces in photos sharp."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("photopulse"))
        raise typer.Exit


def main() -> None:
    """Runs the command line; an interruption ends it with the exit code 130."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
