"""Lists the pictures in the files and folders that are given on the command line."""

from collections.abc import Sequence
from pathlib import Path

from photopulse.cli.console import print_note
from photopulse.cli.options import RECURSIVE
from photopulse.errors import PhotopulseError


def find_pictures(
    inputs: Sequence[Path], output: Path | None = None, *, recursive: bool | None = None, command: str | None = None
) -> list[Path]:
    """Returns the pictures as ``image_files`` does, and prints on stderr what was skipped.

    Of several inputs, one that is missing or has no pictures is returned itself: it becomes a failed row, and the
    others go on.

    Args:
        inputs: files and folders.
        output: folder for the results, which is not searched.
        recursive: whether subfolders are searched; None if the command has no such option.
        command: name of the command, whose own results in ``output`` are no inputs unless they are named; None if it
            writes no results.

    Raises:
        PhotopulseError: if no input can be read.
    """
    from photopulse.images.folders import image_files, passed_over

    # List the pictures.
    searched = bool(recursive)
    errors: list[PhotopulseError] = []
    files = image_files(inputs, recursive=searched, leave_out=output, on_error=errors.append)
    if errors and len(errors) == len(inputs):
        raise errors[0]
    # Leave out what this command wrote into a folder of inputs.
    if output is not None and command is not None:
        from photopulse.runs.report import results_in

        named, own = {path.resolve() for path in inputs}, results_in(output, command)
        others = [file for file in files if file.resolve() in named or file.resolve() not in own]
        if len(others) < len(files):
            print_note(f"note: {len(files) - len(others)} earlier results in {output} are left out")
        files = others
    option = None if recursive is None else RECURSIVE
    if told := passed_over(inputs, recursive=searched, leave_out=output, option=option):
        print_note(f"note: {told}")
    return files
