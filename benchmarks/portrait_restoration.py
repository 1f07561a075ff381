"""What `photopulse evaluate --restore` does not say of restoring portraits: seams, speed, the guided filter.

    photopulse evaluate PORTRAITS -o OUT --restore light --restore medium --restore heavy \\
        --methods input,bicubic,lanczos,nlm,realesrgan,restore
    python benchmarks/portrait_restoration.py differences OUT
    python benchmarks/portrait_restoration.py guided PHOTO_OR_FOLDER... [--photos N]
    python benchmarks/portrait_restoration.py paste PHOTO_OR_FOLDER... [--photos N]
    python benchmarks/portrait_restoration.py time PHOTO [--sizes 640,1280,1920,4000] [--options "--scale 2"]

``differences`` compares photopulse with each other method of an evaluation, photo by photo, with 95 % bootstrap
intervals. ``guided`` damages sharp portraits and compares cleaning at full size with cleaning at half the size and the
guided filter's way back. ``paste`` restores photos with and without faces and compares the borders. ``time`` runs
`photopulse restore` in new processes.
"""

import argparse
from pathlib import Path

import cv2
import torch
from restoration.differences import print_differences
from restoration.guided import print_guided
from restoration.seams import print_seams
from restoration.speed import print_times

from photopulse.errors import PhotopulseError
from photopulse.images import image_files


def main() -> None:
    """Parses the arguments and does one of the four."""
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
    differences, guided, paste, timing = (
        commands.add_parser(name) for name in ("differences", "guided", "paste", "time")
    )
    differences.add_argument("output", type=Path, help="of the evaluation")
    differences.set_defaults(action=lambda told: print_differences(told.output))
    for command, action in ((guided, print_guided), (paste, print_seams)):
        command.add_argument("inputs", type=Path, nargs="+")
        command.add_argument("--photos", type=int, help="the first so many")
        command.add_argument("--device", default="cpu")
        command.set_defaults(
            action=lambda told, action=action: action(image_files(told.inputs)[: told.photos], told.device)
        )
    timing.add_argument("photo", type=Path)
    timing.add_argument("--sizes", default="640,1280,1920,4000", help="longer sides in px")
    timing.add_argument("--options", default="", help="of `photopulse restore`")
    timing.set_defaults(action=print_time)
    for command in (differences, guided, paste, timing):
        command.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def print_time(arguments: argparse.Namespace) -> None:
    sizes = [int(size) for size in arguments.sizes.split(",")]
    print_times(arguments.photo, sizes, threads=arguments.threads, options=arguments.options)


if __name__ == "__main__":
    main()
