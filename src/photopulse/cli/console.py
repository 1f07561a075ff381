"""How every command speaks to the person: errors on stderr, results on stdout."""

import sys
from typing import NoReturn

import typer
from rich.console import Console


def stderr_console() -> Console:
    """Returns a console on the present stderr, for errors and progress."""
    return Console(stderr=True)


def is_interactive() -> bool:
    """Says whether stderr is a terminal, where a spinner makes sense."""
    return sys.stderr.isatty()


def print_error(message: str) -> None:
    """Prints ``error: message`` on stderr, unwrapped, so that scripts find it on one line."""
    console = stderr_console()
    console.print("error:", style="bold red", end=" ")
    console.print(message, markup=False, highlight=False, soft_wrap=True)


def print_note(text: str, console: Console | None = None) -> None:
    """Prints a sentence on stderr, unwrapped; ``console`` is that of a bar which the sentence is to stand above."""
    (console or stderr_console()).print(text, markup=False, highlight=False, soft_wrap=True)


def fail(message: str, code: int) -> NoReturn:
    """Prints the error and ends the command with the exit code ``code``."""
    print_error(message)
    raise typer.Exit(code)
