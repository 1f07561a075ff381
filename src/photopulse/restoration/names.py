"""Names the files of restored photos after their inputs, in another folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photopulse.files import cut_name
from photopulse.images import OUTPUT_SUFFIXES
from photopulse.runs.names import canonical, unique_stems

_LONGEST_STEM = 230  # Bytes; file names have at most 255, and a suffix and a number are appended.

OutputFormat = Literal["png", "jpg", "tiff", "webp"]


@dataclass(frozen=True, kw_only=True)
class OutputNames:
    """The paths of an input, of its result, and of the comparison of both (None if there is none)."""

    source: Path
    output: Path
    compare: Path | None


def output_names(
    files: Sequence[Path], folder: Path, kind: OutputFormat | None, *, compare: bool, mirrored: Sequence[Path] = ()
) -> list[OutputNames]:
    """Returns the paths of results, ``<stem>.<suffix>``, and comparisons, ``<stem>_compare.png``, all different.

    The result of a file below one of the ``mirrored`` folders lies in the same subfolders of ``folder``.
    ``kind`` gives the suffix; None keeps the input's if its format can be written, otherwise ``.png`` is used.
    """
    # Name the results first: comparisons avoid their names.
    stems = unique_stems(files, mirrored)
    outputs = [folder / f"{stem}{_suffix(file, kind)}" for file, stem in zip(files, stems, strict=True)]
    taken = {canonical(output) for output in outputs}
    named: list[OutputNames] = []
    for file, output in zip(files, outputs, strict=True):
        sheet = _free(sheet_beside(output), taken) if compare else None
        named.append(OutputNames(source=file, output=output, compare=sheet))
    return named


def sheet_beside(output: Path) -> Path:
    """Returns the path of the comparison; names that are too long for a file are shortened."""
    return _beside(output, "compare")


def mask_beside(output: Path) -> Path:
    """Returns the path of the mask that shows what was repaired; long names are shortened."""
    return _beside(output, "mask")


def _beside(output: Path, what: str) -> Path:
    return output.with_name(f"{cut_name(output.stem, _LONGEST_STEM)}_{what}.png")


def _suffix(file: Path, kind: OutputFormat | None) -> str:
    if kind is not None:
        return f".{kind}"
    return file.suffix if file.suffix.lower() in OUTPUT_SUFFIXES else ".png"


def _free(path: Path, taken: set[str]) -> Path:
    """Returns the path, or one with a number if the path is taken, and adds it to the taken ones."""
    free, number = path, 1
    while canonical(free) in taken:
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    taken.add(canonical(free))
    return free
