"""Where the tasks of a run are done: in the process of the run, or by workers elsewhere; the run sees no difference."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

from photopulse.errors import PhotopulseError
from photopulse.files import remove_temporaries
from photopulse.runs.watcher import Watcher

PAUSE: Final = 1.0
"""Seconds until tasks are asked for again when there is none now."""


class Task(Protocol):
    """What is to be done with one input; it can be pickled."""

    @property
    def folders(self) -> Sequence[Path]:
        """Folders into which it is written; what a worker that is killed leaves there is removed."""
        ...


FactsT = TypeVar("FactsT")
TaskT = TypeVar("TaskT", bound=Task)
DoneT = TypeVar("DoneT")
FactsOut = TypeVar("FactsOut", covariant=True)
TaskIn = TypeVar("TaskIn", bound=Task, contravariant=True)
DoneOut = TypeVar("DoneOut", covariant=True)


class Worker(Protocol[FactsOut, TaskIn, DoneOut]):
    """Networks that are loaded once, and what they do with each task."""

    @property
    def facts(self) -> FactsOut:
        """What a run must know of the networks to plan its tasks; it can be pickled and is equal for all workers."""
        ...

    def do(self, task: TaskIn, watcher: Watcher) -> DoneOut:
        """Does a task and returns what came of it, its failure included; it can be pickled."""
        ...


class Loader(Protocol[FactsOut, TaskIn, DoneOut]):
    """Loads a worker wherever it is called; it can be pickled."""

    def __call__(self) -> Worker[FactsOut, TaskIn, DoneOut]:
        """Returns the worker; PhotopulseError if it cannot be loaded."""
        ...


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What came of a task if the workers that did it ended, twice, before it was done.

    Attributes:
        why: how they ended, for the user.
    """

    why: str


class Executor(ABC, Generic[FactsT, TaskT, DoneT]):
    """Does tasks. It knows nothing of rows and logs: the run plans the tasks, and records what came of them.

    Use it as a context manager; at the end no worker is left, and unfinished tasks leave no temporary files.

    Attributes:
        several: whether there are several workers, so that tasks are finished in another order than they were given.
    """

    several: bool

    @property
    @abstractmethod
    def facts(self) -> FactsT:
        """Facts of the workers, see ``Worker.facts``."""

    @abstractmethod
    def run(self, tasks: Iterable[TaskT | None], watcher: Watcher) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        """Yields each task with what came of it as soon as it is done; a task is taken when there is a worker for it.

        None among the tasks says that there is no task now, but may be one in a second.

        Raises:
            PhotopulseError: if workers cannot be started.
        """

    def close(self) -> None:
        """Ends all workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class InProcess(Executor[FactsT, TaskT, DoneT]):
    """Does tasks in the process of the run, one after the other."""

    several = False

    def __init__(self, worker: Worker[FactsT, TaskT, DoneT]) -> None:
        self._worker = worker

    @property
    def facts(self) -> FactsT:
        return self._worker.facts

    def run(self, tasks: Iterable[TaskT | None], watcher: Watcher) -> Iterator[tuple[TaskT, DoneT | Lost]]:
        for task in tasks:
            if task is None:
                time.sleep(PAUSE)
            else:
                yield task, self._worker.do(task, watcher)


def same_facts(facts: Sequence[object]) -> None:
    """Raises PhotopulseError unless all workers have loaded the same."""
    if any(one != facts[0] for one in facts[1:]):
        raise PhotopulseError(
            "cannot go on with this worker",
            why="it has loaded other networks or settings than the first one",
            fix="leave the weights as they are while a run goes on, and use one version of photopulse everywhere",
        )


def remove_left(task: Task, mark: str) -> None:
    """Removes the temporary files that a worker, known by its ``process_mark``, left of a task when it ended."""
    for folder in task.folders:
        remove_temporaries(folder, mark)
