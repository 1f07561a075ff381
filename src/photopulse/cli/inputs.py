"""Lists the pictures in the files and folders that are given on the command line."""

from collections.abc import Sequence
from pathlib import Path

import typer

from photopulse.cli.options import RECURSIVE


def find_pictures(inputs: Sequence[Path], output: Path | None = None, *, recursive: bool | None = None) -> list[Path]:
    """Returns the pictures as ``image_files`` does, and prints on stderr what was skipped.

    Args:
        inputs: files and folders.
        output: folder for the results, which is not searched.
        recursive: whether subfolders are searched; None if the command has no such option.

    Raises:
        PhotopulseError: if a file or folder is missing, or a folder contains no pictures.
    """
    from photopulse.images.folders import image_files, passed_over

    searched = bool(recursive)
    files = image_files(inputs, recursive=searched, leave_out=output)
    option = None if recursive is None else RECURSIVE
    if told := passed_over(inputs, recursive=searched, leave_out=output, option=option):
        typer.echo(f"note: {told}", err=True)
    return files
