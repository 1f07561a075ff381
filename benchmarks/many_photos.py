"""Does a run of many photos slow down, and do two runs at once lose rows? With toy networks, which take little time.

    python benchmarks/many_photos.py [--photos 10000]

Restores that many copies of a photo of 64 px, tells the photos a second in each thousand, the memory and the size of
the log, then runs again with nothing to do, then twice at once into one folder, each with half of the photos.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from serve_toys import toy_models

from photopulse.restoration.batch import restore_files
from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.settings import RestoreSettings
from photopulse.runs.log import LOG_NAME
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher

SETTINGS = RestoreBatchSettings(restore=RestoreSettings(only="photo"))


class Clock(Watcher):
    """Notes when each photo ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def end(self, item: ReportItem, *, resumed: bool = False) -> None:  # noqa: ARG002
        """Takes the row of a photo."""
        self.ends.append(time.perf_counter())


def write_photos(folder: Path, count: int) -> list[Path]:
    """Writes small photos that all differ."""
    numbers = np.random.default_rng(0)
    files = [folder / f"{place:06}.jpg" for place in range(count)]
    for file in files:
        Image.fromarray(numbers.integers(0, 256, (64, 64, 3), np.uint8)).save(file)
    return files


def restore(files: Sequence[Path], folder: Path) -> list[float]:
    """Restores the photos; returns the seconds at which each was done."""
    torch.manual_seed(0)  # Networks of other weights would do everything again.
    clock, started = Clock(), time.perf_counter()
    restore_files(files, folder, toy_models().restore_kit(), SETTINGS, clock)
    return [end - started for end in clock.ends]


def two_at_once(files: Sequence[Path], folder: Path) -> int:
    """Runs this file twice at once, each with half of the photos; returns how many the log has."""
    middle = len(files) // 2
    halves = [(0, middle), (middle, len(files))]
    commands = [
        [sys.executable, __file__, "--part", str(files[0].parent), str(folder), str(first), str(last)]
        for first, last in halves
    ]
    for run in [subprocess.Popen(command) for command in commands]:
        if run.wait():
            raise SystemExit("a run failed")
    lines = (folder / LOG_NAME).read_text().splitlines()
    rows = [json.loads(line)["row"] for line in lines if line.strip()]
    return len({row["input"] for row in rows if row["status"] == "restored"})


def main() -> None:
    """Measures and prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--part", nargs=4, metavar=("IN", "OUT", "FIRST", "LAST"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        given, out, first, last = options.part
        restore(sorted(Path(given).glob("*.jpg"))[int(first) : int(last)], Path(out))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        files = write_photos(folder / "in", options.photos)
        ends = restore(files, folder / "out")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        restore(files, folder / "out")
        again = time.perf_counter() - started
        part = min(1000, len(ends) // 2)
        found = {
            "photos a second, first thousand": round(part / ends[part - 1], 1),
            "photos a second, last thousand": round(part / (ends[-1] - ends[-part - 1]), 1),
            "most memory, MiB": round(memory),
            "log, MB": round(sum(file.stat().st_size for file in (folder / "out").glob(LOG_NAME)) / 1e6, 2),
            "seconds of a run with nothing to do": round(again, 1),
            "photos in the log of two runs at once": two_at_once(files, folder / "both"),
        }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
