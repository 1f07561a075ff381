"""Loads the workers of a command: one in its own process, several in processes of their own, or those of a cluster."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from photopulse.cli.console import print_note
from photopulse.cli.options import use_threads
from photopulse.cli.progress import spinner

if TYPE_CHECKING:
    from photopulse.runs.executor import Executor, Loader, Task

    FactsT = TypeVar("FactsT")
    TaskT = TypeVar("TaskT", bound=Task)
    DoneT = TypeVar("DoneT")

_GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """Where a run is to be worked on.

    Attributes:
        number: number of workers; None for one in this process, or for as many as a cluster holds.
        threads: threads of each.
        ray: address of a Ray cluster; None for this machine.
    """

    number: int | None
    threads: int
    ray: str | None


def plan_workers(number: int | None, threads: str | None, ray: str | None) -> WorkerPlan:
    """Shares the cores among the workers; those of a cluster have one thread each unless ``threads`` says otherwise."""
    if ray is not None and threads is None:
        threads = "1"
    return WorkerPlan(number=number, threads=use_threads(threads, share=number or 1), ray=ray)


@contextmanager
def loaded_workers(
    loader: "Loader[FactsT, TaskT, DoneT]", workers: WorkerPlan, *, each: int, device: str = "cpu"
) -> "Generator[Executor[FactsT, TaskT, DoneT]]":
    """Loads what does the tasks of a run, and yields it; at the end, no process of it is left.

    Args:
        loader: loads a worker.
        workers: what is wanted; there are fewer processes where the memory does not hold them, which is told.
        each: bytes that each needs.
        device: device of each.

    Raises:
        PhotopulseError: if a worker cannot be loaded.
    """
    with ExitStack() as stack:
        with spinner("loading the networks (the first time some are fetched)"):
            executor = stack.enter_context(_executor(loader, workers, each, device))
        yield executor


def _executor(
    loader: "Loader[FactsT, TaskT, DoneT]", workers: WorkerPlan, each: int, device: str
) -> "Executor[FactsT, TaskT, DoneT]":
    if workers.ray is not None:
        from photopulse.runs.cluster import ActorNeeds, RayActors

        needs = ActorNeeds(threads=workers.threads, gpus=1 if device.startswith("cuda") else 0, memory=each)
        return RayActors(loader, address=workers.ray, workers=workers.number, needs=needs)
    from photopulse.runs.executor import InProcess
    from photopulse.runs.processes import Processes

    if workers.number is None or workers.number == 1:
        return InProcess(loader())
    return Processes(loader, workers=_fitting(workers.number, each), threads=workers.threads)


def _fitting(wanted: int, each: int) -> int:
    """Returns how many workers the free memory holds, and says so if that are fewer."""
    from photopulse.runs.memory import affordable, free_memory

    free = free_memory()
    fitting = affordable(wanted, each, free)
    if free is not None and fitting < wanted:
        size = f"each may need {each / _GIB:.1f} GiB, and {free / _GIB:.1f} GiB are free"
        print_note(f"note: {fitting} of {wanted} workers, because {size}")
    return fitting
