"""`photopulse models`: which weights there are, on which terms, and how to get them."""

import json
from collections.abc import Callable, Iterator
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from photopulse import weights
from photopulse.cli.console import fail, print_error, printable
from photopulse.cli.models_export import export_command
from photopulse.cli.models_fit import fit_command
from photopulse.cli.models_fit_encoder import fit_encoder_command
from photopulse.errors import PhotopulseError

app = typer.Typer(no_args_is_help=True, help="Lists, fetches, fits and exports the weights that photopulse uses.")

_STATE_STYLES = {"ready": "green", "missing": "dim", "damaged": "red"}

app.command("fit")(fit_command)
app.command("fit-encoder")(fit_encoder_command)
app.command("export")(export_command)

_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command("list")
def list_models(*, as_json: _JsonOption = False) -> None:
    """Lists all weights with their size, state and licence."""
    if as_json:
        typer.echo(json.dumps([_describe(name) for name in weights.WEIGHTS], indent=2))
        return
    table = Table("name", "what", "download", "state", "licence", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    for name, entry in weights.WEIGHTS.items():
        state = weights.status(name)
        size = decimal(entry.carrier.size) if isinstance(entry, weights.FetchedWeights) else "none"
        table.add_row(name, Text(entry.what), size, Text(state, _STATE_STYLES[state]), entry.licence)
    Console().print(table)


@app.command("get")
def get_models(
    names: Annotated[list[str] | None, typer.Argument(help="Names from `models list`.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all that the table knows.")] = False,
) -> None:
    """Fetches weights from the package index into the cache and prints the folder of each.

    Exit code 1 when one of them failed, 2 for an unknown name.
    """
    if bool(names) == everything:
        fail("say which weights to get: either names (`photopulse models list` shows them) or --all", 2)
    wanted = list(weights.WEIGHTS) if everything else list(dict.fromkeys(names or []))
    for name in wanted:
        _require_known(name)
    failed = [name for name in wanted if not _get(name)]
    if failed:
        raise typer.Exit(1)


@app.command("info")
def show_model(
    name: Annotated[str, typer.Argument(help="A name from `models list`.")], *, as_json: _JsonOption = False
) -> None:
    """Tells all about one entry: source, licence, terms, files, hashes and where it lies."""
    _require_known(name)
    described = _describe(name)
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    table = Table("field", "value", box=None, show_header=False)
    for field, value in _lines_of(described):
        table.add_row(Text(field, "bold"), Text(value, overflow="fold"))
    Console().print(table)


def _get(name: str) -> bool:
    from photopulse.cli.progress import spinner

    try:
        with spinner("looking into the cache") as tell:
            folder = weights.fetch(name, on_progress=tell)
            _convert(name, tell)
    except PhotopulseError as error:
        print_error(str(error))
        return False
    typer.echo(f"{name}\t{printable(str(folder))}")
    return True


def _convert(name: str, tell: Callable[[str], None]) -> None:
    """Converts a generator to safetensors, so that its first use need not wait for it."""
    from photopulse.generators.files.load import NAMED, load_generator

    if name in NAMED:
        tell(f"converting {name}")
        load_generator(name)


def _require_known(name: str) -> None:
    try:
        weights.find_entry(name)
    except PhotopulseError as error:
        fail(str(error), 2)


def _describe(name: str) -> dict[str, object]:
    entry = weights.find_entry(name)
    return {
        # What it is, and where it lies.
        "name": name,
        "what": entry.what,
        "state": weights.status(name),
        "path": str(weights.folder(name)),
        "bytes_on_disk": weights.size_on_disk(name),
        "format": entry.format,
        # Where it comes from, and on which terms.
        "source": entry.source,
        "licence": entry.licence,
        "terms": entry.terms,
        # The package that it is fetched in, unless it comes with photopulse, and its files.
        **({"carrier": _describe_carrier(entry.carrier)} if isinstance(entry, weights.FetchedWeights) else {}),
        "members": [
            {"name": member.name, "path": member.path, "bytes": member.size, "sha256": member.sha256}
            for member in entry.members
        ],
    }


def _describe_carrier(carrier: weights.Carrier) -> dict[str, object]:
    return {
        "package": carrier.package,
        "version": carrier.version,
        "kind": carrier.kind,
        "bytes": carrier.size,
        "sha256": carrier.sha256,
    }


def _lines_of(described: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flattens the description to ``carrier.version``, ``members.0.sha256`` and so on."""
    for field, value in described.items():
        if isinstance(value, dict):
            yield from _lines_of(cast(dict[str, object], value), f"{prefix}{field}.")
        elif isinstance(value, list):
            numbered = {str(index): item for index, item in enumerate(cast(list[object], value))}
            yield from _lines_of(numbered, f"{prefix}{field}.")
        else:
            yield f"{prefix}{field}", str(value)
