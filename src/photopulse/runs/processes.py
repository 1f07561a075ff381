"""Workers in processes of this machine: one that is killed costs only what it was doing, which is done once more."""

import contextlib
import multiprocessing
import signal
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Final, Generic, Self

from photopulse.errors import PhotopulseError
from photopulse.runs.attempts import Attempt, Attempts
from photopulse.runs.executor import PAUSE, DoneT, Executor, FactsT, Loader, Lost, TaskT, remove_left, same_facts
from photopulse.runs.watcher import Watcher
from photopulse.runs.worker_process import Message, serve

_MOST_FAILED_STARTS: Final = 5  # In a row.
_GRACE: Final = 5.0  # Seconds in which a worker that is told to end removes its temporary files.


@dataclass(kw_only=True, eq=False)
class _Member(Generic[TaskT]):
    """A worker's process as the run sees it: not ready until its mark is known, busy while it has an attempt."""

    process: SpawnProcess
    connection: Connection
    mark: str | None = None
    attempt: Attempt[TaskT] | None = None


class Processes(Executor[FactsT, TaskT, DoneT]):
    """Processes that each load a worker; the first is ready when the block of the context manager begins.

    A task whose worker ends (is killed, or crashes) is done once more by a new worker; if that ends, too, the task is
    ``Lost``. An error that a worker raises ends the run.

    Args:
        loader: loads a worker; its process imports it, so it is defined in a module.
        workers: number of processes.
        threads: number of PyTorch's threads in each.

    Raises:
        PhotopulseError: if the first worker cannot be loaded.
    """

    several = True

    def __init__(self, loader: Loader[FactsT, TaskT, DoneT], *, workers: int, threads: int) -> None:
        self._loader = loader
        self._workers = workers
        self._threads = threads
        self._members: list[_Member[TaskT]] = []
        self._waiting: Attempts[TaskT] = Attempts(())
        self._failed_starts = 0
        self._facts: list[FactsT] = []

    @property
    def facts(self) -> FactsT:
        return self._facts[0]

    def __enter__(self) -> Self:
        # One loads first: it fetches and fits what is not in the cache yet.
        try:
            while not self._facts:
                self._start(1)
                for _ in self._hear(Watcher()):
                    pass
        except BaseException:
            self._end(at_once=True)
            raise
        return self

    def run(self, tasks: Iterable[TaskT | None], watcher: Watcher) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        self._waiting = Attempts(tasks)
        while True:
            # Take as many tasks as there are workers for them; those that must be done again come first.
            self._waiting.fill(self._workers - self._busy)
            if len(self._waiting) + self._busy == 0 and not self._waiting.pausing:
                return
            # Give them to workers that are ready, and start workers that are missing.
            self._give()
            self._start(min(self._workers, len(self._waiting) + self._busy))
            yield from self._hear(watcher, PAUSE if self._waiting.pausing else None)

    @property
    def _busy(self) -> int:
        return sum(member.attempt is not None for member in self._members)

    def close(self) -> None:
        self._end(at_once=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(at_once=kind is not None)

    def _start(self, number: int) -> None:
        """Starts processes until there are ``number``."""
        context = multiprocessing.get_context("spawn")
        while len(self._members) < number:
            here, there = context.Pipe()
            process = context.Process(target=serve, args=(there, self._loader, self._threads), daemon=True)
            with _interrupts_wait():
                process.start()
                self._members.append(_Member(process=process, connection=here))
            there.close()

    def _give(self) -> None:
        for member in self._members:
            if len(self._waiting) and member.mark is not None and member.attempt is None:
                attempt = self._waiting.next()
                try:
                    member.connection.send(attempt.task)
                    member.attempt = attempt
                except (BrokenPipeError, ConnectionResetError):
                    self._waiting.put_back(attempt)  # The worker has ended, which is heard next.

    def _hear(self, watcher: Watcher, most: float | None = None) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        """Waits until a worker says something or ends, ``most`` seconds, and yields what is finished by that."""
        by_connection = {member.connection: member for member in self._members}
        for connection in wait(list(by_connection), most):
            member = by_connection[connection]  # type: ignore[index]
            try:
                message: Message = member.connection.recv()
            except (EOFError, OSError):
                yield from self._ended(member, watcher)
            else:
                yield from self._heard(member, message, watcher)

    def _heard(
        self, member: _Member[TaskT], message: Message, watcher: Watcher
    ) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        if message.kind == "ready":
            self._ready(member, message)
        elif message.kind == "doing":
            watcher.step(0, doing=message.content)
        elif message.kind == "note":
            watcher.note(message.content)
        elif message.kind == "raised":
            raise message.content
        elif member.attempt is not None:
            attempt, member.attempt = member.attempt, None
            yield attempt.task, message.content

    def _ready(self, member: _Member[TaskT], message: Message) -> None:
        member.mark, self._failed_starts = message.mark, 0
        same_facts([*self._facts, message.content])
        self._facts = self._facts or [message.content]

    def _ended(self, member: _Member[TaskT], watcher: Watcher) -> Iterator[tuple[TaskT, Lost]]:
        """Takes a worker that has ended from the list; its task is done once more, or lost."""
        self._members.remove(member)
        member.connection.close()
        member.process.join()
        how = _how(member.process.exitcode)
        if member.mark is None:
            self._not_started(how, watcher)
        _clean(member)
        if member.attempt is not None and (lost := self._waiting.ended(member.attempt, how)) is not None:
            yield member.attempt.task, lost

    def _not_started(self, how: str, watcher: Watcher) -> None:
        """Counts a worker that ended while it loaded: after several in a row, there is one fewer."""
        self._failed_starts += 1
        if self._failed_starts < _MOST_FAILED_STARTS:
            return
        if not any(member.mark is not None for member in self._members):
            fix = "use fewer --workers, or none to see the error"
            raise PhotopulseError("cannot start a worker", why=f"while it loaded, its process {how}", fix=fix)
        self._failed_starts = 0
        self._workers = max(1, self._workers - 1)
        watcher.note(f"note: going on with {self._workers} workers; while another one loaded, its process {how}")

    def _end(self, *, at_once: bool) -> None:
        # Those that wait for a task end when their connection is closed.
        for member in self._members:
            member.connection.close()
            if at_once or member.attempt is not None or member.mark is None:
                member.process.terminate()
        for member in self._members:
            member.process.join(_GRACE)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
            _clean(member)
        self._members.clear()


def _clean(member: _Member[Any]) -> None:
    """Removes what a worker that has ended left of its task."""
    if member.attempt is not None and member.mark is not None:
        remove_left(member.attempt.task, member.mark)


def _how(code: int | None) -> str:
    """Returns how a process ended."""
    if code is None or code >= 0:
        return f"ended with the exit code {code}"
    if code == -9:
        return "was killed, as the system does when the memory is full"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by the signal {-code}"


@contextlib.contextmanager
def _interrupts_wait() -> Generator[None]:
    """Holds SIGINT back inside the block; processes that are started there never get it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
