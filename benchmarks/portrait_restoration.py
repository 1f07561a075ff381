"""Portrait restoration against other methods: quality, speed, seams, and what the guided filter keeps.

    python benchmarks/portrait_restoration.py run FOLDER -o OUT [--methods input,bicubic,...] [--limit METHOD=N]
    python benchmarks/portrait_restoration.py table OUT [--methods ...]
    python benchmarks/portrait_restoration.py sheet FOLDER OUT [--methods ...] [--cell 256] [--rows 4]
    python benchmarks/portrait_restoration.py guided OUT
    python benchmarks/portrait_restoration.py paste PHOTO_OR_FOLDER... [--photos N]
    python benchmarks/portrait_restoration.py time PHOTO [--sizes 640,1280,1920,4000] [--options "--scale 2"]

``run`` takes sharp portraits, damages each at the levels light, medium and heavy (``photopulse.degrade.LEVELS``,
seeded by level and file name), and lets each method bring the small JPEG back to the size of the portrait. OUT gets
the damaged files, the results and a JSON row for each; interrupted, it goes on, and results of networks that have
changed since are made anew. Methods: input (its pixels as they are), bicubic, lanczos, nlm (OpenCV's non-local means,
then bicubic), realesrgan (x4plus, then cubic to the size), photopulse, photopulse:F with fidelity F,
photopulse-photo (no face network).
``table`` prints means and 95 % bootstrap intervals, inside the face box (the bounding box of the square that the face
network takes of the sharp photo, the same for all methods) and over the whole picture. The identity is measured at
the place of the sharp photo's face, whether or not a detector finds it in the result.
``guided`` compares cleaning at full size with cleaning at half the size and the guided filter's way back; run the
methods bicubic, photo-full and photo-half before.
``paste`` restores photos with and without faces and compares the borders.
``time`` runs `photopulse restore` in new processes.
"""

import argparse
from pathlib import Path

import cv2
import torch
from restoration.methods import DEFAULT, find_method
from restoration.rows import SHARP, Row, measure_photos, read_rows
from restoration.seams import print_seams
from restoration.sheets import write_sheets
from restoration.speed import print_times
from restoration.tables import guided_table, to_markdown

from photopulse.degrade import LEVELS
from photopulse.errors import PhotopulseError
from photopulse.images import image_files


def main() -> None:
    """Parses the arguments and does one of the six."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    try:
        arguments.action(arguments)
    except (PhotopulseError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    run, table, sheet, guided, paste, timing = (
        commands.add_parser(name) for name in ("run", "table", "sheet", "guided", "paste", "time")
    )
    actions = (run_methods, print_table, print_sheets, print_guided, print_paste, print_time)
    for command, action in zip((run, table, sheet, guided, paste, timing), actions, strict=True):
        command.set_defaults(action=action)
        command.add_argument("--threads", type=int, default=2)
    for command in (run, sheet):
        command.add_argument("folder", type=Path, help="of sharp portraits")
    run.add_argument("-o", "--output", type=Path, required=True)
    run.add_argument("--levels", type=names, default=list(LEVELS))
    run.add_argument("--limit", type=limit, action="append", default=[], metavar="METHOD=N", help="first N photos only")
    for command in (table, sheet, guided):
        command.add_argument("output", type=Path, help="what run wrote")
    for command in (run, table, sheet):
        command.add_argument("--methods", type=names, default=list(DEFAULT) if command is run else None)
    sheet.add_argument("--cell", type=int, default=256, help="px of a picture")
    sheet.add_argument("--rows", type=int, default=4, help="photos a sheet")
    paste.add_argument("inputs", type=Path, nargs="+")
    for command in (run, paste):
        command.add_argument("--photos", type=int, help="the first so many")
        command.add_argument("--device", default="cpu")
    timing.add_argument("photo", type=Path)
    timing.add_argument("--sizes", type=names, default=["640", "1280", "1920", "4000"], help="longer sides in px")
    timing.add_argument("--options", default="", help="of `photopulse restore`")
    return parser.parse_args()


def names(text: str) -> list[str]:
    return text.split(",")


def limit(text: str) -> tuple[str, int]:
    method, _, count = text.rpartition("=")
    return method, int(count)


def run_methods(arguments: argparse.Namespace) -> None:
    """Restores and measures what is not there yet; prints a line for each."""
    methods = [find_method(name, arguments.device) for name in arguments.methods]
    photos = image_files([arguments.folder])[: arguments.photos]
    if unknown := set(arguments.levels) - set(LEVELS):
        raise ValueError(f"there is no level {', '.join(sorted(unknown))}")
    for row in measure_photos(photos, arguments.levels, methods, arguments.output, dict(arguments.limit)):
        if row.method != SHARP:
            print(line(row), flush=True)


def line(row: Row) -> str:
    shown = ("face psnr", "face perceptual", "identity")
    values = "  ".join(f"{name} {row.values[name]:.3f}" for name in shown if row.values[name] is not None)
    return f"{row.photo}  {row.level}  {row.method}  {row.seconds:.2f} s  {values}"


def print_table(arguments: argparse.Namespace) -> None:
    print(to_markdown(read_rows(arguments.output), arguments.methods))


def print_sheets(arguments: argparse.Namespace) -> None:
    written = write_sheets(
        read_rows(arguments.output),
        image_files([arguments.folder]),
        arguments.output,
        methods=arguments.methods,
        cell=arguments.cell,
        a_sheet=arguments.rows,
    )
    print("\n".join(map(str, written)))


def print_guided(arguments: argparse.Namespace) -> None:
    print(guided_table(read_rows(arguments.output)))


def print_paste(arguments: argparse.Namespace) -> None:
    print_seams(image_files(arguments.inputs)[: arguments.photos], arguments.device)


def print_time(arguments: argparse.Namespace) -> None:
    sizes = [int(size) for size in arguments.sizes]
    print_times(arguments.photo, sizes, threads=arguments.threads, options=arguments.options)


if __name__ == "__main__":
    main()
