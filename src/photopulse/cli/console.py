"""Prints the errors and notes of all commands on stderr; results are printed on stdout."""

import sys
from typing import NoReturn

import typer
from rich.console import Console


def stderr_console() -> Console:
    """Returns a console on the current stderr, for errors and progress."""
    return Console(stderr=True)


def is_interactive() -> bool:
    """Returns whether stderr is a terminal, on which progress is drawn."""
    return sys.stderr.isatty()


def print_error(message: str) -> None:
    """Prints ``error: message`` on stderr, unwrapped, so that scripts find it on one line."""
    console = stderr_console()
    console.print("error:", style="bold red", end=" ")
    console.print(message, markup=False, highlight=False, soft_wrap=True)


def print_note(text: str, console: Console | None = None) -> None:
    """Prints a sentence on stderr, unwrapped; with the ``console`` of a progress bar, it appears above the bar."""
    (console or stderr_console()).print(text, markup=False, highlight=False, soft_wrap=True)


def fail(message: str, code: int) -> NoReturn:
    """Prints the error and ends the command with the exit code ``code``."""
    print_error(message)
    raise typer.Exit(code)
