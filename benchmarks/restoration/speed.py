"""How long `photopulse restore` takes, by stage, and how much memory: each size in a process of its own."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from .grid import grid

STAGES = ("read", "detect", "faces", "photo", "full_size", "paste", "enlarge", "write")


def print_times(photo: Path, sizes: Sequence[int], *, threads: int, options: str) -> None:
    """Prints a line for each size: the longer side to which the photo is scaled before."""
    records = [timed(photo, size, threads, options) for size in sizes]
    stages = [stage for stage in STAGES if any(stage in record["stages"] for record in records)]
    heads = ["px", "faces", *stages, "all stages, s", "whole process, s", "peak memory, MiB"]
    lines = [heads]
    for record in records:
        told = record["stages"]
        times = [f"{told[stage]:.2f}" if stage in told else "-" for stage in stages]
        ends = [f"{record['seconds']:.2f}", f"{record['wall']:.2f}", str(record["memory"])]
        lines.append([f"{record['width']} x {record['height']}", str(record["faces"]), *times, *ends])
    print(f"{threads} threads\n\n{grid(lines)}")


def timed(photo: Path, size: int, threads: int, options: str) -> dict:
    """Runs `photopulse restore` on the photo at that longer side."""
    with tempfile.TemporaryDirectory() as name:
        scaled, output = Path(name) / "photo.jpg", Path(name) / "out"
        with Image.open(photo) as opened:
            picture = opened.convert("RGB")
        factor = size / max(picture.size)
        target = (max(round(picture.width * factor), 1), max(round(picture.height * factor), 1))
        picture.resize(target, Image.Resampling.LANCZOS).save(scaled, quality=95)
        command = [sys.executable, "-m", "photopulse", "restore", str(scaled), "-o", str(output), "--device", "cpu"]
        limits = {"OMP_NUM_THREADS": str(threads), "OPENCV_FOR_THREADS_NUM": str(threads)}
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, *shlex.split(options)], stdout=subprocess.DEVNULL, env={**os.environ, **limits}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"`photopulse restore` failed at {size} px")
        (row,) = json.loads((output / "report.json").read_text(encoding="utf-8"))["items"]
    return {
        "width": target[0],
        "height": target[1],
        "faces": sum(face["restored"] for face in row["faces"]),
        "stages": row["stages"],
        "seconds": row["seconds"],
        "wall": wall,
        "memory": usage.ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10),
    }
