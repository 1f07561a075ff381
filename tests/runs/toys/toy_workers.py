"""Workers without networks, which other processes can import: they write a file, and die or fail as a task says."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path
from photopulse.runs.watcher import Watcher


@dataclass(frozen=True, kw_only=True)
class ToyTask:
    """Writes ``<name>.txt``; each attempt is a line in ``<name>.begun``.

    The first ``deaths`` attempts kill their process in the middle of writing; ``waits`` tells how long writing takes.
    With ``beside``, writing goes on when another task has begun.
    """

    name: str
    folder: Path
    deaths: int = 0
    waits: float = 0
    beside: str | None = None
    error: str | None = None

    @property
    def folders(self) -> Sequence[Path]:
        return [self.folder]


@dataclass(frozen=True, kw_only=True)
class ToyLoader:
    """Loads a toy; ``fails`` raises an error, ``dies`` ends the process, ``odd`` gives each process other facts.

    With ``only``, the first process that makes this file loads, and the others end.
    """

    fails: bool = False
    dies: bool = False
    odd: bool = False
    only: Path | None = None

    def __call__(self) -> "ToyWorker":
        if self.fails:
            raise PhotopulseError("cannot load the toy", why="it is broken", fix="buy another")
        if self.dies or (self.only is not None and self.only.exists()):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.only is not None:
            self.only.touch()
        return ToyWorker(f"process {os.getpid()}" if self.odd else "toy")


class ToyWorker:
    def __init__(self, facts: str) -> None:
        self.facts = facts

    def do(self, task: ToyTask, watcher: Watcher) -> tuple[str, int]:
        """Returns the name and the process's id."""
        watcher.step(0, doing=f"writing {task.name}")
        begun = task.folder / f"{task.name}.begun"
        with begun.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        if task.error is not None:
            raise LookupError(task.error)
        with atomic_path(task.folder / f"{task.name}.txt") as temporary:
            temporary.write_text(task.name[:1])
            if len(begun.read_text().split()) <= task.deaths:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(task.waits)
            while task.beside is not None and not (task.folder / f"{task.beside}.begun").exists():
                time.sleep(0.01)
            temporary.write_text(task.name)
        return task.name, os.getpid()
