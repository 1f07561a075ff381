"""`photopulse provenance`: what signing pictures needs."""

from pathlib import Path

import typer

from photopulse.cli.console import fail, print_line
from photopulse.cli.options import OutputFolder
from photopulse.errors import PhotopulseError

app = typer.Typer(no_args_is_help=True, help="What signing pictures needs.")


@app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """What signing pictures needs."""


@app.command("init")
def init_command(output: OutputFolder = Path("signing")) -> None:
    """Makes a key and certificates for trying signed credentials; nobody but you trusts them."""
    from photopulse.provenance.local_chain import CHAIN, KEY, ROOT, make_local_chain

    try:
        make_local_chain(output)
    except PhotopulseError as error:
        fail(str(error), 2)
    print_line(f"sign with --sign {output / KEY} --certificate {output / CHAIN}; verify with --trust {output / ROOT}")
