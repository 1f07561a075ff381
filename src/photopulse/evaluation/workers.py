"""Jobs of an evaluation, in this process or in several."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache

import torch

from photopulse.errors import PhotopulseError
from photopulse.evaluation.job import Bench, Job, Outcome
from photopulse.evaluation.method import Method
from photopulse.evaluation.settings import EvaluateSettings


def run_jobs(
    jobs: Sequence[Job], settings: EvaluateSettings, methods: Mapping[str, Method], on_start: Callable[[str], None]
) -> Iterator[tuple[Job, Outcome]]:
    """Runs all jobs and yields each when it is finished: in order with one worker, in any order with several.

    One worker is this process, which uses ``methods``; several are others, which build their own. They share the
    processor's threads. What ends the iteration early ends the workers too; finished jobs are remembered on the disk.

    Raises:
        PhotopulseError: if a metric cannot be loaded, or a worker died.
    """
    if settings.workers == 1:
        bench = Bench(settings, methods)
        for job in jobs:
            on_start(job.name)
            yield job, bench.run(job)
    else:
        yield from _in_processes(jobs, settings)


def _in_processes(jobs: Sequence[Job], settings: EvaluateSettings) -> Iterator[tuple[Job, Outcome]]:
    threads = max(1, torch.get_num_threads() // settings.workers)
    with _pool(settings.workers) as pool:
        futures: dict[Future[Outcome], Job] = {pool.submit(_run_in_worker, settings, threads, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                # Taken out, so that what the outcomes hold is not kept twice.
                yield futures.pop(future), future.result()
        except BrokenProcessPool as error:
            raise PhotopulseError(
                "cannot go on",
                why="a worker died, most often because the memory is full",
                fix="use fewer --workers; what was finished is kept",
            ) from error


@contextmanager
def _pool(workers: int) -> Generator[ProcessPoolExecutor]:
    """Yields fresh processes, which end with the block, at once if that is left early."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_leave_interruption)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    pool.shutdown()


def _leave_interruption() -> None:
    """Leaves Ctrl-C, which the terminal sends to all processes, to the one that talks to the person."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_in_worker(settings: EvaluateSettings, threads: int, job: Job) -> Outcome:
    torch.set_num_threads(threads)
    return _bench(settings).run(job)


@lru_cache(maxsize=1)
def _bench(settings: EvaluateSettings) -> Bench:
    """One bench a process, so that networks load once."""
    return Bench(settings, settings.make_methods())
