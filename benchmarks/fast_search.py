"""The fast search beside the classic one: tables and sheets of finished evaluations, and what these cannot time.

    python benchmarks/fast_search.py table FOLDER... [--methods fast,pulse] [--json]
    python benchmarks/fast_search.py sheet FOLDER -o sheet.jpg [--methods fast,pulse] [--size 1024] [--faces 8]
    python benchmarks/fast_search.py time FACE [--run "--method fast"] [--run "--method classic"] [--count 8] [--json]

``table`` reads folders of `photopulse evaluate`. Each cell is the median / the bad end, beyond which 5 % of the
pictures lie (the 95th percentile; of the confidence the 5th). Methods that saw different numbers of pictures are
compared over each set that one of them finished, and over what all finished: a table a set, with all methods that
finished the whole of it.
``sheet`` writes all pictures that the methods share, so many a file, beside the original and the input.
``time`` runs `photopulse upscale` in new processes, once for one small face, once for three copies of it (the first
is cold, the others are warm) and once for ``--count`` answers. Weights must have been fetched and fitted before.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from photopulse.degrade import folder_name, parse_corruptions
from photopulse.errors import PhotopulseError
from photopulse.evaluation.measure import PictureSet, Values
from photopulse.evaluation.records import Row, read_rows
from photopulse.evaluation.sets import kd_of_set
from photopulse.evaluation.summaries import ORIGINAL, Task, method_order
from photopulse.evaluation.tables import task_title
from photopulse.images import image_files, read_image
from photopulse.metrics.diversity import diversity
from photopulse.reporting.strips import Strip, write_sheet
from photopulse.runs.report import read_finished

Solved = dict[str, dict[str, tuple[Path, Row]]]  # By method and picture: the folder of the evaluation, and the row.


@dataclass(frozen=True)
class Column:
    """What is summed up over the pictures of a set: the measure, its digits, and where its bad end is."""

    name: str
    measure: str
    digits: str
    bad: int = 95
    value: Callable[[float], float] = float

    def cell(self, rows: list[Row]) -> dict[str, float] | None:
        """The median and the bad end; None where nothing was measured."""
        known = [self.value(row.values[self.measure]) for row in rows if self.measure in row.values]
        return {"median": float(np.median(known)), "bad": float(np.percentile(known, self.bad))} if known else None


COLUMNS = (
    Column("downscale MSE", "downscale_mse", ".1e"),
    Column("seconds", "seconds", ".3g"),
    Column("NIQE", "niqe", ".2f"),
    Column("confidence", "confidence", ".3f", bad=5),
    Column("identity distance", "identity_distance", ".3f"),
    Column("ITA shift either way, °", "ita_shift", ".2f", value=abs),
)


def main() -> None:
    """Parses the arguments and does one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    table = commands.add_parser("table")
    table.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    sheet = commands.add_parser("sheet")
    sheet.add_argument("folders", type=Path, nargs=1, metavar="FOLDER")
    sheet.add_argument("-o", "--output", type=Path, required=True)
    sheet.add_argument("--size", type=int, default=1024)
    sheet.add_argument("--faces", type=int, default=8, help="a file")
    timing = commands.add_parser("time")
    timing.add_argument("face", type=Path)
    timing.add_argument("--run", action="append", help="arguments of `photopulse upscale`; repeatable")
    timing.add_argument("--count", type=int, default=8)
    for command, action in ((table, print_table), (sheet, write_sheets), (timing, print_times)):
        command.set_defaults(action=action)
        if command is not timing:
            command.add_argument("--methods", help="these only, with commas between")
        if command is not sheet:
            command.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        arguments.action(arguments)
    except PhotopulseError as error:
        raise SystemExit(f"error: {error}") from error


def print_table(arguments: argparse.Namespace) -> None:
    """Prints a table for each task and set of pictures."""
    tables = [
        [
            measured(task, method, names, solved)
            for method in sorted(solved, key=method_order)
            if names <= solved[method].keys()
        ]
        for task, solved in tasks_of(arguments).items()
        for names in sets_of(solved)
    ]
    print(json.dumps(tables, indent=1) if arguments.json else "\n\n".join(map(to_markdown, tables)))


def tasks_of(arguments: argparse.Namespace) -> dict[Task, Solved]:
    """Reads the pictures that methods finished, of all folders; of a picture that two folders have, the last counts."""
    wanted = arguments.methods.split(",") if arguments.methods else None
    tasks: dict[Task, Solved] = defaultdict(lambda: defaultdict(dict))
    for folder in arguments.folders:
        for row in read_rows(folder / "rows.csv"):
            if row.error is None and (wanted is None or row.method in (*wanted, ORIGINAL)):
                tasks[Task(row.condition, row.small, row.size)][row.method][row.image] = folder, row
    return tasks


def sets_of(solved: Solved) -> list[frozenset[str]]:
    """The sets of pictures that some method finished, and what all finished, the largest first."""
    sets = {frozenset(found) for method, found in solved.items() if method != ORIGINAL}
    shared = frozenset[str].intersection(*sets) if sets else frozenset[str]()
    return sorted(sets | ({shared} if shared else set()), key=lambda names: (-len(names), sorted(names)))


def measured(task: Task, method: str, names: frozenset[str], solved: Solved) -> dict[str, Any]:
    """Sums a method up over the pictures of these names."""
    rows = [solved[method][name][1] for name in sorted(names)]
    shifts = [row.values["ita_shift"] for row in rows if "ita_shift" in row.values]
    sharp = traits(solved, ORIGINAL, names) if method != ORIGINAL else {}
    kd = kd_of_set("features", PictureSet(own=traits(solved, method, names), sharp=sharp, fair=True))
    return {
        "task": task_title(task),
        "pictures": len(names),
        "method": method,
        **{column.name: column.cell(rows) for column in COLUMNS},
        "ITA shift, mean, °": round(statistics.mean(shifts), 4) if shifts else None,
        "KD, 1e-3": None if kd.value is None else {"value": kd.value, "low": kd.low, "high": kd.high},
    }


def traits(solved: Solved, method: str, names: frozenset[str]) -> dict[str, Values]:
    """Reads the features that an evaluation keeps beside its pictures; left out where there are none."""
    found: dict[str, Values] = {}
    for name in names & solved[method].keys():
        folder, row = solved[method][name]
        for sidecar in sorted(place(folder, row).rglob(f"{name}.json")):
            _, values = json.loads(sidecar.read_text()).get("measured", {}).get(str(row.size), ("", {}))
            if values.get("features"):
                found[name] = {"features": values["features"]}
    return found


def place(folder: Path, row: Row) -> Path:
    """The folder that holds a method's pictures of a condition."""
    return folder / folder_name(parse_corruptions(row.condition)) / row.method.replace(":", "-")


def to_markdown(records: list[dict[str, Any]]) -> str:
    """Words the lines of one set as a table with its title."""
    heads = ["method", *(column.name for column in COLUMNS), "ITA shift, mean, °", "KD, 1e-3"]
    lines = [f"### {records[0]['task']}, {records[0]['pictures']} pictures", ""]
    lines += [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for record in records:
        cells = [str(record["method"])]
        for column in COLUMNS:
            known = record[column.name]
            cells.append("-" if known is None else " / ".join(f"{value:{column.digits}}" for value in known.values()))
        shift, kd = record["ITA shift, mean, °"], record["KD, 1e-3"]
        cells.append("-" if shift is None else f"{shift:+.2f}")
        cells.append("-" if kd is None else f"{kd['value']:.1f} ({kd['low']:.1f} to {kd['high']:.1f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_sheets(arguments: argparse.Namespace) -> None:
    """Writes ``OUT-1.jpg``, ``OUT-2.jpg``, ... for each condition, and prints their names."""
    for task, solved in tasks_of(arguments).items():
        methods = [method for method in sorted(solved, key=method_order) if method != ORIGINAL]
        if task.size != arguments.size or not methods:
            continue
        names = sorted(set[str].intersection(*(set(solved[method]) for method in methods)))
        condition = folder_name(parse_corruptions(task.condition))
        for number, start in enumerate(range(0, len(names), arguments.faces), start=1):
            strips = [strip(name, methods, solved) for name in names[start : start + arguments.faces]]
            label = f"{arguments.output.stem}-{condition}-{number}{arguments.output.suffix}"
            write_sheet(arguments.output.with_name(label), strips, columns=[ORIGINAL, "input", *methods])
            print(arguments.output.with_name(label))


def strip(name: str, methods: list[str], solved: Solved) -> Strip:
    """Lines up a face, its input, and what the methods made of it."""
    folder, row = solved[methods[0]][name]
    inputs = [folder / "sharp" / f"{name}.png", place(folder, row).parent / "small" / f"{name}.png"]
    results = [next(place(*solved[method][name]).rglob(f"{name}.png")) for method in methods]
    return Strip(pictures=[*inputs, *results], label=name)


def print_times(arguments: argparse.Namespace) -> None:
    """Prints the times of each kind of run."""
    records = [timed(arguments.face, text, arguments.count) for text in arguments.run or default_runs()]
    if arguments.json:
        print(json.dumps(records, indent=1))
        return
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(f"| {' | '.join(records[0])} |\n|{' --- |' * len(records[0])}")
    for record in records:
        print(f"| {' | '.join(f'{cell:.3g}' if isinstance(cell, float) else str(cell) for cell in record.values())} |")


def default_runs() -> Iterator[str]:
    yield "--method fast"
    yield "--method classic"


def timed(face: Path, text: str, count: int) -> dict[str, object]:
    """Times a first and a warm face, and several answers, with the arguments of that text."""
    one, three, many = (upscaled(face, text, *told) for told in ((1, 1), (3, 1), (1, count)))
    warm = statistics.mean(three.seconds[1:])
    return {
        "run": text,
        "first face, whole process, s": one.wall,
        "first face, search, s": one.seconds[0],
        "warm face, s": warm,
        f"{count} answers, whole process, s": many.wall,
        f"{count} answers, search, s": sum(many.seconds),
        "times the first face": sum(many.seconds) / one.seconds[0],
        "times a warm face": sum(many.seconds) / warm,
        "diversity, grey levels": many.diversity,
        "peak memory of one, MiB": one.memory,
        f"peak memory of {count}, MiB": many.memory,
    }


@dataclass(frozen=True)
class Process:
    """What a run of `photopulse upscale` took: seconds in all, of each search, MiB at most."""

    wall: float
    seconds: list[float]
    memory: int
    diversity: float


def upscaled(face: Path, text: str, copies: int, count: int) -> Process:
    """Runs `photopulse upscale` on copies of a face, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        inputs, output = Path(name) / "in", Path(name) / "out"
        inputs.mkdir()
        for copy in range(copies):
            shutil.copy(face, inputs / f"{copy}{face.suffix}")
        command = [sys.executable, "-m", "photopulse", "upscale", str(inputs), "-o", str(output), "--count", str(count)]
        started = time.perf_counter()
        process = subprocess.Popen([*command, *shlex.split(text)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 3):
            raise SystemExit(f"`photopulse upscale {text}` failed")
        rows = read_finished(output / "report.json", "upscale")
        pictures = torch.cat([read_image(path).pixels for path in image_files([output])])
        return Process(
            wall=wall,
            seconds=[seconds for file in sorted(rows) if (seconds := rows[file].seconds) is not None],
            memory=usage.ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10),
            diversity=diversity(pictures),
        )


if __name__ == "__main__":
    main()
