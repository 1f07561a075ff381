"""Output names: the input's stem, made unique where two inputs would write the same file."""

import re
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from photopulse.errors import PhotopulseError


def unique_stems(files: Sequence[Path], mirrored: Sequence[Path] = ()) -> list[str]:
    """Returns one output stem for each file, in order; the same list of files always gives the same stems.

    A file below one of the folders ``mirrored`` keeps its place there: ``holiday/face``, with slashes.
    The second ``face`` becomes ``face-2`` and so on, also where a file is really called so; and so does a
    ``photo_face1`` beside a ``photo``, whose first face may be written under that name.
    """
    taken: set[str] = set()
    photos: set[str] = set()
    stems: list[str] = []
    for file in files:
        place = _place(file, mirrored)
        stem, number = place, 1
        while stem.casefold() in taken or stem.casefold() in photos or _photo_of(stem) in taken:
            number += 1
            stem = f"{place}-{number}"
        taken.add(stem.casefold())
        photos.add(_photo_of(stem))
        stems.append(stem)
    return stems


def _place(file: Path, mirrored: Sequence[Path]) -> str:
    for folder in mirrored:
        if file.is_relative_to(folder):
            return (file.relative_to(folder).parent / file.stem).as_posix()
    return file.stem


def face_names(stem: str, faces: int) -> list[str]:
    """Names the outputs of one input: its stem, or ``<stem>_face<n>`` where it has several faces."""
    return [stem] if faces == 1 else [f"{stem}_face{number}" for number in range(1, faces + 1)]


def canonical(file: Path) -> str:
    """Names a file so that two names of one file are equal, also where the case of letters does not count."""
    return str(file.resolve()).casefold()


def refuse_to_overwrite(output: Path, inputs: Set[str]) -> None:
    """Raises PhotopulseError if ``output`` is one of the inputs, which are given by their ``canonical`` names."""
    if canonical(output) in inputs:
        raise PhotopulseError(
            f"cannot write {output}", why="it is one of the inputs", fix="choose another folder with -o"
        )


def free_output(output: Path, stem: str, taken: Set[str], is_own: Callable[[Path], bool]) -> Path:
    """Returns the path, or the first of ``<stem>-2``, ``<stem>-3`` ... that overwrites nothing of anybody else.

    Args:
        output: the path that is wanted.
        stem: of the input.
        taken: paths of other outputs, by their ``canonical`` names.
        is_own: says of a file that is there whether an earlier run made it of the same input.
    """
    free, number = output, 1
    while (number > 1 and canonical(free) in taken) or (_is_there(free) and not is_own(free)):
        number += 1
        free = output.with_name(f"{stem}-{number}{output.suffix}")
    return free


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # Its name is too long for a file; who writes it says so.
        return False


def _photo_of(stem: str) -> str:
    """The stem of the photo whose face would be written as ``stem``; empty for other stems."""
    match = re.fullmatch(r"(.+)_face\d+", stem.casefold())
    return match.group(1) if match else ""
