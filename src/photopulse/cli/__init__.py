"""The command line: parse, make settings, one call, print."""

import logging
import os
import signal
import sys
import warnings
from typing import NoReturn

import typer

from photopulse.cli import models, provenance, study, train
from photopulse.cli.align import align_command
from photopulse.cli.audit import audit_command
from photopulse.cli.console import print_error
from photopulse.cli.crop import crop_command
from photopulse.cli.evaluate import evaluate_command
from photopulse.cli.restore import restore_command
from photopulse.cli.sample import sample_command
from photopulse.cli.serve import serve_command
from photopulse.cli.upscale import upscale_command
from photopulse.cli.verify import verify_command
from photopulse.errors import is_out_of_memory, system_reason

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
app.command("verify")(verify_command)
app.add_typer(models.app, name="models")
app.add_typer(provenance.app, name="provenance")
app.add_typer(study.app, name="study")
app.add_typer(train.app, name="train")


@app.callback(invoke_without_command=True)
def show_version(*, version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Makes faces in photos sharp."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("photopulse"))
        raise typer.Exit


def main() -> None:
    """Runs the command line; an interruption, also by SIGTERM, ends it with the exit code 130.

    What is left of the machine's memory and disk is told in one line, and libraries' warnings are not printed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _end_without_stdout()
    except (OSError, MemoryError, ImportError) as error:
        if is_out_of_memory(error):
            print_error("the memory is full. Close other programs.")
        elif isinstance(error, OSError) and error.filename is None:
            print_error(f"cannot print the result: {system_reason(error)}.")
        else:
            raise
        _end_without_stdout()


def _end_without_stdout() -> NoReturn:
    """Ends with the exit code 1; Python would try once more to write what is left for stdout."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
