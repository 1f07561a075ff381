"""Prints the errors and notes of all commands on stderr, and results on stdout, as text that a terminal only shows."""

import sys
import unicodedata
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console


def stderr_console() -> Console:
    """Returns a console on the current stderr, for errors and progress."""
    return Console(stderr=True, emoji=False)


def is_interactive() -> bool:
    """Returns whether stderr is a terminal, on which progress is drawn."""
    return sys.stderr.isatty()


def printable(text: str, *, lines: bool = False) -> str:
    """Returns a text with escapes for what a terminal would obey or hide, such as ``\\x1b`` or a change of direction.

    Names of files and settings of model files may hold such characters. ``lines`` keeps the ends of lines.
    """
    if text.isprintable():
        return text
    return "".join(char if _is_shown(char) or (lines and char == "\n") else _escaped(char) for char in text)


def _is_shown(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"  # All spaces.


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", errors="backslashreplace").decode("ascii")


def print_line(text: str, *, error: bool = False) -> None:
    """Prints a line on stdout, or on stderr; a character that the terminal's encoding lacks is escaped, too."""
    encoding = (sys.stderr if error else sys.stdout).encoding or "utf-8"
    typer.echo(printable(text).encode(encoding, errors="backslashreplace").decode(encoding), err=error)


def print_table(folder: Path, *, as_json: bool) -> None:
    """Prints ``table.json`` of a folder of results, or ``table.md``, in which names may hold what a terminal obeys."""
    if as_json:
        typer.echo((folder / "table.json").read_bytes(), nl=False)
    else:
        told = (folder / "table.md").read_text(encoding="utf-8", errors="surrogateescape")
        typer.echo(printable(told, lines=True), nl=False)


def print_error(message: str) -> None:
    """Prints ``error: message`` on stderr, unwrapped, so that scripts find it on one line."""
    console = stderr_console()
    console.print("error:", style="bold red", end=" ")
    console.print(printable(message), markup=False, highlight=False, soft_wrap=True)


def print_note(text: str, console: Console | None = None) -> None:
    """Prints a sentence on stderr, unwrapped; with the ``console`` of a progress bar, it appears above the bar."""
    (console or stderr_console()).print(printable(text), markup=False, highlight=False, soft_wrap=True)


def fail(message: str, code: int) -> NoReturn:
    """Prints the error and ends the command with the exit code ``code``."""
    print_error(message)
    raise typer.Exit(code)
