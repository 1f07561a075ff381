"""From the command line's files and folders to the pictures that a command works on."""

from collections.abc import Sequence
from pathlib import Path

import typer

from photopulse.cli.options import RECURSIVE


def find_pictures(inputs: Sequence[Path], output: Path | None = None, *, recursive: bool | None = None) -> list[Path]:
    """Lists the pictures as ``image_files`` does, and says on stderr what was passed over.

    Args:
        inputs: files and folders.
        output: folder for the results, which is not searched.
        recursive: whether subfolders are searched; None if the command has no such option.

    Raises:
        PhotopulseError: for what is missing, and for a folder without pictures.
    """
    from photopulse.images.folders import image_files, passed_over

    searched = bool(recursive)
    files = image_files(inputs, recursive=searched, leave_out=output)
    option = None if recursive is None else RECURSIVE
    if told := passed_over(inputs, recursive=searched, leave_out=output, option=option):
        typer.echo(f"note: {told}", err=True)
    return files
