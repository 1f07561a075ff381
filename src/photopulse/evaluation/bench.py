"""Runs jobs, in this process or in several: makes, stores and measures a picture, and records both."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from photopulse.errors import PhotopulseError
from photopulse.evaluation.comparison import Networks
from photopulse.evaluation.jobs import Job, Outcome, View
from photopulse.evaluation.measure import Value
from photopulse.evaluation.measuring import Meter
from photopulse.evaluation.method import Method
from photopulse.evaluation.places import SkinFinder
from photopulse.evaluation.records import Record, read_record, write_record
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.summaries import ORIGINAL
from photopulse.images import read_image, write_image
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.keys import arithmetic, key


class Bench:
    """Runs jobs, one after the other. Methods load at their first use, the measures' networks at once.

    Args:
        settings: settings of the evaluation.
        methods: methods from ``settings.make_methods``, by name.

    Raises:
        PhotopulseError: if a metric's network cannot be loaded.
    """

    def __init__(self, settings: EvaluateSettings, methods: Mapping[str, Method]) -> None:
        self._settings = settings
        self._methods = methods
        self._fingerprints: dict[str, str] = {}
        networks = Networks.load(
            perceptual=settings.perceptual, identity=settings.identity, faces=settings.faces, lpips=settings.lpips
        )
        self._meter = Meter(degradation=settings.degradation, networks=networks)
        self._skin = None if networks.detector is None else SkinFinder(networks.detector, side=settings.small)
        self._measures = self._meter.fingerprint()

    def run(self, job: Job) -> Outcome:
        """Does the part of a job that no earlier run did; a failure becomes its rows."""
        try:
            return self._run(job)
        except FAILURES as error:
            why = reason(error)
            return Outcome(rows=tuple(job.row(view, {}, why) for view in job.views), error=why)

    def _run(self, job: Job) -> Outcome:
        # Find the picture of an earlier run, or make it.
        picture_key, metric_key = self._picture_key(job), self._metric_key(job)
        sidecar = job.output.with_suffix(".json")
        record = self._earlier(job, sidecar, picture_key)
        if record is None:
            record = self._make(job, sidecar, picture_key)
        # Measure it in the views that were not measured yet.
        found: dict[View, dict[str, Value | None] | None] = {
            view: record.values(str(view), metric_key) for view in job.views
        }
        todo: list[View] = [view for view in job.views if found[view] is None]
        if todo:
            new = self._measure(job, todo)
            found |= new
            measured = {str(view): [metric_key, values] for view, values in new.items()}
            record = replace(record, measured={**record.measured, **measured})
            write_record(sidecar, picture_key, record)
        told: dict[str, Value | None] = {"seconds": record.seconds, "converged": record.converged}
        return Outcome(
            rows=tuple(job.row(view, {**told, **(values or {})}) for view, values in found.items()),
            curve=record.curve,
            resumed=not todo,
        )

    def _earlier(self, job: Job, sidecar: Path, picture_key: str) -> Record | None:
        """Returns the record of an earlier run, if its picture has the same key and is to be kept."""
        if not self._settings.resume or not job.picture.is_file():
            return None
        record = read_record(sidecar, picture_key)
        if record is not None and self._settings.curves and record.converged is not None and not record.curve_wanted:
            return None
        return record

    def _make(self, job: Job, sidecar: Path, picture_key: str) -> Record:
        if job.method == ORIGINAL:
            return Record()
        method = self._methods[job.method]
        made = method(read_image(job.given).pixels, job.size, self._settings.seed)
        # If the run stopped between the two writes, the old sidecar would describe the new picture.
        sidecar.unlink(missing_ok=True)
        write_image(job.output, made.image, metadata=made.metadata)
        record = Record(
            seconds=made.seconds,
            converged=made.converged,
            curve=made.curve,
            curve_wanted=self._settings.curves,
        )
        write_record(sidecar, picture_key, record)
        return record

    def _measure(self, job: Job, views: Sequence[View]) -> dict[View, dict[str, Value | None]]:
        """Measures the picture as read from its file, so that a later run measures the same values."""
        image = read_image(job.picture).pixels
        sharp = None if job.method == ORIGINAL else read_image(job.sharp).pixels
        if self._settings.restore:
            return {
                view: self._meter.photo(image, sharp=sharp, face=job.face if view == "face" else None) for view in views
            }
        small = read_image(job.given).pixels
        skin = None if self._skin is None else self._skin.coverage(job.sharp)
        sizes = [view for view in views if isinstance(view, int)]
        return {size: self._meter.face(image, small=small, sharp=sharp, size=size, skin=skin) for size in sizes}

    def _picture_key(self, job: Job) -> str:
        if job.method == ORIGINAL:
            return key(ORIGINAL, job.given)
        if job.method not in self._fingerprints:
            self._fingerprints[job.method] = self._methods[job.method].fingerprint()
        return key(self._fingerprints[job.method], arithmetic(), job.output.parent.name, self._settings.seed, job.given)

    def _metric_key(self, job: Job) -> str:
        return key("measured", self._measures, job.sharp)


def run_jobs(
    jobs: Sequence[Job], settings: EvaluateSettings, methods: Mapping[str, Method], on_start: Callable[[str], None]
) -> Iterator[tuple[Job, Outcome]]:
    """Runs all jobs and yields each when it is finished: in order with one worker, in any order with several.

    A single worker is this process, which uses ``methods``; several workers are new processes, which build their own
    and share the processor's threads. If the iteration ends early, the workers end too; finished jobs stay on disk.

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
                # A future that stayed in the dictionary would keep its outcome in memory.
                yield futures.pop(future), future.result()
        except BrokenProcessPool as error:
            raise PhotopulseError(
                "cannot go on",
                why="a worker died, most often because the memory is full",
                fix="use fewer --workers; what was finished is kept",
            ) from error


@contextmanager
def _pool(workers: int) -> Generator[ProcessPoolExecutor]:
    """Yields a pool of new processes, which end with the block, and at once if the block raises."""
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
    """Ignores Ctrl-C in a worker: the terminal sends it to all processes, and the main process handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_in_worker(settings: EvaluateSettings, threads: int, job: Job) -> Outcome:
    torch.set_num_threads(threads)
    return _bench(settings).run(job)


@lru_cache(maxsize=1)
def _bench(settings: EvaluateSettings) -> Bench:
    """Returns the bench of this process, which is created once, so that networks load once."""
    return Bench(settings, settings.make_methods())
