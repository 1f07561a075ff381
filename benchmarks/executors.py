"""What a task costs besides its work: in the run's process, in worker processes, and in actors of a Ray cluster.

    nice python benchmarks/executors.py [--tasks 500] [--ray]

The tasks do nothing, so that all is the cost of giving a task and hearing what came of it.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photopulse.runs.cluster import ActorNeeds, RayActors
from photopulse.runs.executor import Executor, InProcess
from photopulse.runs.processes import Processes
from photopulse.runs.watcher import Watcher


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """A task with as many bytes as that of a photo."""

    place: int
    text: str = "x" * 2000

    @property
    def folders(self) -> Sequence[Path]:
        """No folders."""
        return []


class Idle:
    """A worker that does nothing."""

    facts = "idle"

    def do(self, task: Nothing, watcher: Watcher) -> str:
        """Returns a text with as many bytes as a row."""
        watcher.step(task.place, doing=f"task {task.place}")
        return task.text[:1000]


def main() -> None:
    """Prints the milliseconds a task, by executor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--ray", action="store_true", help="Start a Ray cluster, too.")
    arguments = parser.parse_args()
    found = {"in process": milliseconds(InProcess(Idle()), arguments.tasks)}
    found["2 processes"] = milliseconds(Processes(Idle, workers=2, threads=1), arguments.tasks)
    if arguments.ray:
        needs = ActorNeeds(threads=1, gpus=0, memory=2**20)
        found["2 actors"] = milliseconds(RayActors(Idle, address="local", workers=2, needs=needs), arguments.tasks)
    print(json.dumps(found, indent=1))


def milliseconds(executor: Executor[str, Nothing, str], tasks: int) -> float:
    """Returns the time a task, without that of the start; the first tasks wait until both workers are there."""
    with executor:
        done = [time.perf_counter() for _ in executor.run((Nothing(place=i) for i in range(2 * tasks)), Watcher())]
    return round(1000 * (done[-1] - done[tasks]) / (tasks - 1), 3)


if __name__ == "__main__":
    main()
