"""Lists the pictures in the files and folders that are given on the command line."""

from collections.abc import Iterator, Sequence
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


def watched_pictures(inputs: Sequence[Path], output: Path, *, recursive: bool) -> Iterator[list[Path]]:
    """Yields without end the pictures that come into folders, those that are there first; see ``runs.watch.new_files``.

    Raises:
        PhotopulseError: at once, if an input is no folder, or is the folder of the results.
    """
    from photopulse.images.folders import image_files
    from photopulse.runs.watch import new_files

    for folder in inputs:
        if not folder.is_dir():
            raise PhotopulseError(
                f"cannot watch {folder}", why="it is no folder", fix="name a folder, or leave --watch out"
            )
        if folder.resolve() == output.resolve():
            why = "the results would come into it, too"
            raise PhotopulseError(
                f"cannot watch {folder}", why=why, fix="choose another folder for the results with -o"
            )

    def look() -> list[Path]:
        # A folder that has no pictures now stands for itself.
        found = image_files(inputs, recursive=recursive, leave_out=output, on_error=lambda _error: None)
        return [path for path in found if path not in inputs]

    print_note("waiting for pictures; Ctrl-C ends")
    return new_files(look)
