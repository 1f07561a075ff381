"""Workers on the machines of a Ray cluster: an actor or a node that ends costs only what it was doing.

Ray is nothing but the executor. What is finished is known by the log of the run, which its own process writes; inputs
and outputs lie in folders that all machines share.
"""

import importlib
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, Generic, Self, cast

from photopulse.errors import PhotopulseError
from photopulse.files import process_mark
from photopulse.runs.attempts import Attempt, Attempts
from photopulse.runs.executor import PAUSE, DoneT, Executor, FactsT, Loader, Lost, TaskT, remove_left, same_facts
from photopulse.runs.watcher import Watcher

_MOST_FAILED_STARTS: Final = 5  # In a row.
_PATIENCE: Final = 30.0  # Seconds until it is told that the cluster has no room.
_GRACE: Final = 5.0  # Seconds in which an actor that is killed ends.
_INSTALL: Final = "run: pip install 'photopulse[ray]', on every machine of the cluster"


@dataclass(frozen=True, kw_only=True)
class ActorNeeds:
    """What an actor occupies of the cluster.

    Attributes:
        threads: processors, and PyTorch's threads.
        gpus: graphics processors.
        memory: bytes.
    """

    threads: int
    gpus: float
    memory: int


@dataclass(kw_only=True, eq=False)
class _Actor(Generic[TaskT]):
    """An actor as the run sees it: what it does now, the mark of its process once it is ready, and its task."""

    handle: Any
    answer: Any
    mark: str | None = None
    attempt: Attempt[TaskT] | None = None


class RayActors(Executor[FactsT, TaskT, DoneT]):
    """Actors of a Ray cluster that each load a worker; the first is ready when the block of the context manager begins.

    A task whose actor ends is done once more by another; if that ends, too, the task is ``Lost``.

    Args:
        loader: loads a worker.
        address: address of the cluster; ``"auto"`` finds the one of this machine, ``"local"`` starts one for this run.
        workers: number of actors; None for as many as the cluster has room for when the run begins.
        needs: what each occupies.

    Raises:
        PhotopulseError: if Ray is not installed, or there is no such cluster, or the first worker cannot be loaded.
    """

    several = True

    def __init__(
        self, loader: Loader[FactsT, TaskT, DoneT], *, address: str, workers: int | None, needs: ActorNeeds
    ) -> None:
        self._loader = loader
        self._address = address
        self._wanted = workers
        self._needs = needs
        self._ray = _load_ray()
        self._own = not self._ray.is_initialized()
        self._actors: list[_Actor[TaskT]] = []
        self._waiting: Attempts[TaskT] = Attempts(())
        self._failed_starts = 0
        self._facts: list[FactsT] = []

    @property
    def facts(self) -> FactsT:
        return self._facts[0]

    def __enter__(self) -> Self:
        if self._own:
            _connect(self._ray, self._address)
        try:
            while not self._facts:
                self._start(1)
                for _ in self._hear(Watcher()):
                    pass
        except BaseException:
            self.close()
            raise
        return self

    def run(self, tasks: Iterable[TaskT | None], watcher: Watcher) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        self._waiting = Attempts(tasks)
        workers = self._wanted or self._room()
        while True:
            # Take as many tasks as there are workers for them; those that must be done again come first.
            self._waiting.fill(workers - self._busy)
            if len(self._waiting) + self._busy == 0 and not self._waiting.pausing:
                return
            # Give them to actors that are ready, and start actors that are missing.
            self._give()
            self._start(min(workers, len(self._waiting) + self._busy))
            if self._waiting.pausing and self._busy == 0:
                time.sleep(PAUSE)
            else:
                yield from self._hear(watcher, PAUSE if self._waiting.pausing else _PATIENCE)

    def close(self) -> None:
        # What an actor was doing is waited for: it ends with the actor, and what it left can be removed then.
        for actor in self._actors:
            self._ray.kill(actor.handle, no_restart=True)
        for actor in self._actors:
            with suppress(Exception):
                self._ray.get(actor.handle.is_alive.remote(), timeout=_GRACE)
            _clean(actor)
        self._actors.clear()
        if self._own:
            self._ray.shutdown()

    @property
    def _busy(self) -> int:
        return sum(actor.attempt is not None for actor in self._actors)

    def _room(self) -> int:
        """Returns how many actors the machines of the cluster have room for."""
        total = cast("dict[str, float]", self._ray.cluster_resources())
        room = total.get("CPU", 0) // self._needs.threads
        if self._needs.gpus:
            room = min(room, total.get("GPU", 0) // self._needs.gpus)
        return max(1, int(min(room, total.get("memory", 0) // self._needs.memory)))

    def _start(self, number: int) -> None:
        """Starts actors until there are ``number``; they wait until the cluster has room for them."""
        while len(self._actors) < number:
            needs = self._needs
            made = self._ray.remote(_Hands).options(
                num_cpus=needs.threads, num_gpus=needs.gpus, memory=needs.memory, max_restarts=0, max_task_retries=0
            )
            handle = made.remote(needs.threads)
            self._actors.append(_Actor(handle=handle, answer=handle.load.remote(self._loader)))

    def _give(self) -> None:
        for actor in self._actors:
            if len(self._waiting) and actor.answer is None:
                actor.attempt = self._waiting.next()
                actor.answer = actor.handle.do.remote(actor.attempt.task)

    def _hear(self, watcher: Watcher, most: float = _PATIENCE) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        """Waits until an actor has answered or ended, ``most`` seconds, and yields what is finished by that."""
        by_answer = {actor.answer: actor for actor in self._actors if actor.answer is not None}
        answered, _ = self._ray.wait(list(by_answer), num_returns=1, timeout=most)
        if not answered and self._busy == 0 and not self._waiting.pausing:
            watcher.note("note: the cluster has no room for a worker yet; it needs free processors and memory")
        for answer in answered:
            yield from self._heard(by_answer[answer], watcher)

    def _heard(self, actor: _Actor[TaskT], watcher: Watcher) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        try:
            content = self._ray.get(actor.answer)
        except self._ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from error
        except self._ray.exceptions.RayError:
            yield from self._ended(actor)
            return
        actor.answer = None
        if actor.mark is None:
            self._ready(actor, *content)
        elif actor.attempt is not None:
            attempt, actor.attempt = actor.attempt, None
            watcher.step(0, doing=f"{len(self._actors)} workers")
            yield attempt.task, content

    def _ready(self, actor: _Actor[TaskT], facts: FactsT, mark: str, release: str) -> None:
        actor.mark, self._failed_starts = mark, 0
        same_facts([*self._facts, facts])
        same_facts([version("photopulse"), release])
        self._facts = self._facts or [facts]

    def _ended(self, actor: _Actor[TaskT]) -> Iterator[tuple[TaskT, Lost]]:
        """Takes an actor that has ended from the list; its task is done once more, or lost."""
        self._actors.remove(actor)
        self._ray.kill(actor.handle, no_restart=True)  # If it is only out of reach, nobody waits for it any more.
        # Those without a task may have ended with it; they get one when they have answered.
        for other in self._actors:
            if other.answer is None:
                other.answer = other.handle.is_alive.remote()
        if actor.mark is None:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                fix = "see Ray's logs; the memory of a machine may be full, or photopulse is not installed there"
                raise PhotopulseError("cannot start a worker", why="it ended while it loaded", fix=fix)
        _clean(actor)
        how = "was killed, or its machine was lost"
        if actor.attempt is not None and (lost := self._waiting.ended(actor.attempt, how)) is not None:
            yield actor.attempt.task, lost


class _Hands:
    """The actor: a worker, in a process of the cluster."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._worker: Any = None

    def load(self, loader: Loader[Any, Any, Any]) -> tuple[object, str, str]:
        """Loads the worker; returns its facts, the mark of the process and the version of photopulse."""
        self._worker = loader()
        return self._worker.facts, process_mark(), version("photopulse")

    def is_alive(self) -> bool:
        """Returns True."""
        return True

    def do(self, task: Any) -> object:
        """Does a task; what is being done is not told."""
        return self._worker.do(task, Watcher())


def _clean(actor: _Actor[Any]) -> None:
    """Removes what an actor that has ended left of its task."""
    if actor.attempt is not None and actor.mark is not None:
        remove_left(actor.attempt.task, actor.mark)


def _load_ray() -> Any:
    try:
        return cast("Any", importlib.import_module("ray"))
    except ImportError as error:
        raise PhotopulseError("cannot use a cluster", why="Ray is not installed", fix=_INSTALL) from error


def _connect(ray: Any, address: str) -> None:
    """Connects to a cluster; the process's own signal handlers stay, which Ray would replace."""
    # A cluster that begins here tells nobody that it is used, and its workers do not yield to all other programs.
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_worker_niceness"):
        os.environ.setdefault(name, "0")
    before = signal.getsignal(signal.SIGTERM)
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise PhotopulseError(
            f"cannot reach the cluster {address!r}",
            why=str(error).partition("\n")[0],
            fix="start one with: ray start --head, and give its address, or use --ray local",
        ) from error
    with suppress(ValueError):  # Only the main thread has signal handlers.
        signal.signal(signal.SIGTERM, before)


def _check_reachable(address: str) -> None:
    """Raises OSError if nobody listens at an address such as ``10.0.0.1:6379``, for which Ray would wait long."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
