"""A worker in a process of its own: it loads its networks, does what it is given, and ends with the run's process."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from photopulse.files import process_mark
from photopulse.runs.executor import Loader
from photopulse.runs.watcher import Watcher

_TELL_EVERY = 0.2  # Seconds.
_GRACE = 5.0  # Seconds to remove its temporary files when the run's process is gone.


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a worker says.

    Attributes:
        kind: ``"ready"`` with its facts, ``"doing"`` with a text, ``"done"`` with what came of a task, ``"raised"``
            with an error.
        content: see ``kind``.
        mark: the process's mark, see ``files.process_mark``.
    """

    kind: Literal["ready", "doing", "note", "done", "raised"]
    content: Any
    mark: str


def serve(connection: Connection, loader: Loader[Any, Any, Any], threads: int) -> None:
    """Does the tasks that come by the connection until it is closed, with so many threads of PyTorch.

    SIGINT, which a terminal sends to all processes, is left to the run's process, which ends its workers by SIGTERM.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _end_with_the_run()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        _work(connection, loader, threads)
    # It ends by itself now: a signal would only interrupt the interpreter's last steps, which then print an error.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _work(connection: Connection, loader: Loader[Any, Any, Any], threads: int) -> None:
    import torch

    mark = process_mark()
    torch.set_num_threads(threads)
    try:
        worker = loader()
        connection.send(Message(kind="ready", content=worker.facts, mark=mark))
        while True:
            done = worker.do(connection.recv(), _Telling(connection, mark))
            connection.send(Message(kind="done", content=done, mark=mark))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        connection.send(Message(kind="raised", content=error, mark=mark))


class _Telling(Watcher):
    """Tells the run's process what is being done, a few times a second at most."""

    def __init__(self, connection: Connection, mark: str) -> None:
        self._connection = connection
        self._mark = mark
        self._told = ""
        self._next = 0.0

    def start(self, stage: str, steps: int) -> None:  # noqa: ARG002
        self.step(0, doing=stage)

    def step(self, done: int, *, doing: str = "", figures: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        if doing and doing != self._told and time.monotonic() >= self._next:
            self._told, self._next = doing, time.monotonic() + _TELL_EVERY
            self._connection.send(Message(kind="doing", content=doing, mark=self._mark))

    def note(self, text: str) -> None:
        self._connection.send(Message(kind="note", content=text, mark=self._mark))


def _end_with_the_run() -> None:
    """Watches the process that started this one, and ends when it has ended, however that was."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        # What is being written is removed first; then nothing holds the process.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
