"""Photos a second of `restore` and `upscale` with one process of two threads, one of one thread, and two workers.

    nice python benchmarks/workers.py [--few 1] [--many 4]

Each variant runs twice from nothing, over few pictures and over many. The time of one more picture is the difference,
divided by the number of pictures; the rest is the start, in which the networks are loaded. The variants run in turn, so
that what the machine does meanwhile slows all.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from PIL import Image
from skimage import data

VARIANTS = {
    "1 process, 2 threads": ("--threads", "2"),
    "1 process, 1 thread": ("--threads", "1"),
    "2 workers, 1 thread each": ("--threads", "1", "--workers", "2"),
}


def main() -> None:
    """Prints the figures of both commands as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1)
    parser.add_argument("--many", type=int, default=4)
    parser.add_argument("--commands", nargs="+", default=["restore", "upscale"])
    arguments = parser.parse_args()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for command in arguments.commands:
            print(json.dumps({command: measured(command, Path(folder), arguments.few, arguments.many)}, indent=1))


def measured(command: str, folder: Path, few: int, many: int) -> dict[str, dict[str, float]]:
    """Returns the seconds of one more picture and of the start, by variant."""
    seconds: dict[str, dict[int, float]] = {name: {} for name in VARIANTS}
    for pictures in (few, many):
        inputs = written(command, folder / f"{command}-{pictures}", pictures)
        for name, options in VARIANTS.items():
            seconds[name][pictures] = timed(command, inputs, options)
    return {name: figures(times, few, many) for name, times in seconds.items()}


def figures(times: dict[int, float], few: int, many: int) -> dict[str, float]:
    """Divides the times of a few and of many pictures into the start and what each picture takes."""
    each = (times[many] - times[few]) / (many - few)
    return {
        "seconds a picture": round(each, 2),
        "pictures a minute": round(60 / each, 2),
        "seconds of the start": round(times[few] - few * each, 1),
    }


def written(command: str, folder: Path, pictures: int) -> Path:
    """Writes small damaged photos of a person, or her face in 16 px."""
    folder.mkdir()
    person = Image.fromarray(cast(Any, data).astronaut())
    for i in range(pictures):
        if command == "restore":
            person.rotate(i, Image.Resampling.BICUBIC).crop((60, 0, 380, 320)).save(folder / f"p{i}.jpg", quality=25)
        else:
            face = person.crop((170 + i, 50, 280 + i, 160))
            face.resize((16, 16), Image.Resampling.BICUBIC).save(folder / f"f{i}.png")
    return folder


def timed(command: str, inputs: Path, options: tuple[str, ...]) -> float:
    """Returns the seconds that a command takes from nothing."""
    with tempfile.TemporaryDirectory() as output:
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "photopulse", command, str(inputs), "-o", output, *options],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 3):
            sys.exit(done.stderr)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
