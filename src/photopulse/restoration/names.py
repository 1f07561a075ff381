"""What restored photos are called: as the input, in another folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photopulse.files import cut_name
from photopulse.images import OUTPUT_SUFFIXES
from photopulse.runs.names import canonical, unique_stems

_LONGEST_STEM = 230  # Bytes; a name has 255, and the comparison's may get a number.

OutputFormat = Literal["png", "jpg", "tiff", "webp"]


@dataclass(frozen=True, kw_only=True)
class OutputNames:
    """An input, its result, and the comparison of both (None for none)."""

    source: Path
    output: Path
    compare: Path | None


def output_names(
    files: Sequence[Path], folder: Path, kind: OutputFormat | None, *, compare: bool, mirrored: Sequence[Path] = ()
) -> list[OutputNames]:
    """Names the results ``<stem>.<suffix>``, and the comparisons ``<stem>_compare.png``, all different.

    A file below one of the folders ``mirrored`` has its result in the same subfolders.
    ``kind`` chooses the suffix; None keeps the input's where such pictures can be written, and else takes ``.png``.
    """
    stems = unique_stems(files, mirrored)
    outputs = [folder / f"{stem}{_suffix(file, kind)}" for file, stem in zip(files, stems, strict=True)]
    taken = {canonical(output) for output in outputs}
    named: list[OutputNames] = []
    for file, output in zip(files, outputs, strict=True):
        sheet = _free(sheet_beside(output), taken) if compare else None
        named.append(OutputNames(source=file, output=output, compare=sheet))
    return named


def sheet_beside(output: Path) -> Path:
    """The comparison's path, its name cut where it would be too long for a file."""
    return _beside(output, "compare")


def mask_beside(output: Path) -> Path:
    """Returns the path of the mask that shows what was repaired, likewise."""
    return _beside(output, "mask")


def _beside(output: Path, what: str) -> Path:
    return output.with_name(f"{cut_name(output.stem, _LONGEST_STEM)}_{what}.png")


def _suffix(file: Path, kind: OutputFormat | None) -> str:
    if kind is not None:
        return f".{kind}"
    return file.suffix if file.suffix.lower() in OUTPUT_SUFFIXES else ".png"


def _free(path: Path, taken: set[str]) -> Path:
    """The path, or another where a result has that name."""
    free, number = path, 1
    while canonical(free) in taken:
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    taken.add(canonical(free))
    return free
