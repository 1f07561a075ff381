"""Loads the workers of a command: one in its own process, or several in processes of their own."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from photopulse.cli.console import print_note
from photopulse.cli.progress import spinner

if TYPE_CHECKING:
    from photopulse.runs.executor import Executor, Loader, Task

    FactsT = TypeVar("FactsT")
    TaskT = TypeVar("TaskT", bound=Task)
    DoneT = TypeVar("DoneT")

_GIB = 2**30


@contextmanager
def loaded_workers(
    loader: "Loader[FactsT, TaskT, DoneT]", *, workers: int, threads: int, each: int
) -> "Generator[Executor[FactsT, TaskT, DoneT]]":
    """Loads what does the tasks of a run, and yields it; at the end, no process of it is left.

    Args:
        loader: loads a worker.
        workers: how many are wanted: one is in this process, several in processes of their own. There are fewer where
            the memory does not hold them, which is told.
        threads: threads of each.
        each: bytes that each needs.

    Raises:
        PhotopulseError: if a worker cannot be loaded.
    """
    with ExitStack() as stack:
        with spinner("loading the networks (the first time some are fetched)"):
            executor = stack.enter_context(_executor(loader, workers, threads, each))
        yield executor


def _executor(
    loader: "Loader[FactsT, TaskT, DoneT]", workers: int, threads: int, each: int
) -> "Executor[FactsT, TaskT, DoneT]":
    from photopulse.runs.executor import InProcess
    from photopulse.runs.memory import affordable, free_memory
    from photopulse.runs.processes import Processes

    if workers == 1:
        return InProcess(loader())
    free = free_memory()
    fitting = affordable(workers, each, free)
    if free is not None and fitting < workers:
        print_note(_fewer(fitting, workers, each, free))
    return Processes(loader, workers=fitting, threads=threads)


def _fewer(fitting: int, wanted: int, each: int, free: int) -> str:
    size = f"each may need {each / _GIB:.1f} GiB, and {free / _GIB:.1f} GiB are free"
    return f"note: {fitting} of {wanted} workers, because {size}"
