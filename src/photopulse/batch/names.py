"""Output names: the input's stem, made unique where two inputs share one."""

from collections.abc import Sequence
from pathlib import Path


def unique_stems(files: Sequence[Path]) -> list[str]:
    """Returns one output stem for each file, in order; the same list of files always gives the same stems.

    The second ``face`` becomes ``face-2`` and so on, also where a file is really called so.
    """
    taken: set[str] = set()
    stems: list[str] = []
    for file in files:
        stem, number = file.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{file.stem}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems
