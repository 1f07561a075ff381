"""From the command line's files and folders to the pictures that a command works on."""

from collections.abc import Sequence
from pathlib import Path

import typer


def find_pictures(inputs: Sequence[Path]) -> list[Path]:
    """Lists the pictures as ``image_files`` does, and says on stderr what was passed over.

    Raises:
        PhotopulseError: for what is missing, and for a folder without pictures.
    """
    from photopulse.images.folders import image_files, passed_over

    files = image_files(inputs)
    if told := passed_over(inputs):
        typer.echo(f"note: {told}", err=True)
    return files
