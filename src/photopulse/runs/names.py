"""Names of outputs: the input's stem, with a number where two inputs would write the same file."""

import re
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from photopulse.errors import PhotopulseError


def unique_stems(files: Sequence[Path], mirrored: Sequence[Path] = ()) -> list[str]:
    """Returns a unique output stem for each file, in order; the same list of files always gives the same stems.

    The stem of a file below one of the folders ``mirrored`` begins with its subfolders: ``holiday/face``.
    The second ``face`` becomes ``face-2`` and so on, even if another file has that name. A ``photo_face1`` beside a
    ``photo`` gets a number too, because the first face of that photo may be written under that name.
    """
    taken: set[str] = set()
    photos: set[str] = set()
    stems: list[str] = []
    for file in files:
        # Count up until neither the stem nor the photo that it may be a face of is taken.
        place = _place(file, mirrored)
        stem, number = place, 1
        while stem.casefold() in taken or stem.casefold() in photos or _photo_of(stem) in taken:
            number += 1
            stem = f"{place}-{number}"
        # Reserve the stem.
        taken.add(stem.casefold())
        photos.add(_photo_of(stem))
        stems.append(stem)
    return stems


def _place(file: Path, mirrored: Sequence[Path]) -> str:
    """Returns a file's stem, with its subfolders if it is below one of the folders ``mirrored``."""
    for folder in mirrored:
        if file.is_relative_to(folder):
            return (file.relative_to(folder).parent / file.stem).as_posix()
    return file.stem


def face_names(stem: str, faces: int) -> list[str]:
    """Returns the output stems of one input: its own stem, or ``<stem>_face<n>`` if it has several faces."""
    return [stem] if faces == 1 else [f"{stem}_face{number}" for number in range(1, faces + 1)]


def canonical(file: Path) -> str:
    """Returns a file's absolute path with folded case, so that all names of one file are equal."""
    return str(file.resolve()).casefold()


def refuse_to_overwrite(output: Path, inputs: Set[str]) -> None:
    """Raises PhotopulseError if ``output`` is one of the inputs, given by their ``canonical`` names."""
    if canonical(output) in inputs:
        raise PhotopulseError(
            f"cannot write {output}", why="it is one of the inputs", fix="choose another folder with -o"
        )


def free_output(output: Path, stem: str, taken: Set[str], is_own: Callable[[Path], bool]) -> Path:
    """Returns ``output``, or the first of ``<stem>-2``, ``<stem>-3`` ... at which no other file is overwritten.

    Args:
        output: the wanted path.
        stem: stem of the input.
        taken: paths of other outputs, by their ``canonical`` names.
        is_own: tells whether an existing file was made by an earlier run from the same input.
    """
    free, number = output, 1
    while (number > 1 and canonical(free) in taken) or (_is_there(free) and not is_own(free)):
        number += 1
        free = output.with_name(f"{stem}-{number}{output.suffix}")
    return free


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # The name is too long for a file; writing it will raise the error.
        return False


def _photo_of(stem: str) -> str:
    """Returns the stem of the photo of which a face would be written as ``stem``; empty for other stems."""
    match = re.fullmatch(r"(.+)_face\d+", stem.casefold())
    return match.group(1) if match else ""
