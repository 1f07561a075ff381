"""Contact sheets: each photo by all methods, whole and its face close up."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from photopulse.images import read_image
from photopulse.reporting.strips import Strip, write_sheet

from .measures import Judge
from .rows import Row, place
from .tables import by_level


def write_sheets(
    rows: Sequence[Row],
    photos: Sequence[Path],
    folder: Path,
    *,
    methods: Sequence[str] | None,
    cell: int,
    a_sheet: int,
) -> list[Path]:
    """Writes ``folder/sheets/<level>-<n>.jpg``, two lines a photo that all methods restored; returns the files."""
    judge = Judge.load()
    written: list[Path] = []
    for level, by in by_level(rows, methods).items():
        names = [name for name in by if name != "sharp"]
        shown = [photo for photo in photos if all(photo.stem in by[name] for name in names)]
        for number, start in enumerate(range(0, len(shown), a_sheet), start=1):
            strips = [
                strip for photo in shown[start : start + a_sheet] for strip in lines(photo, level, names, folder, judge)
            ]
            path = folder / "sheets" / f"{level}-{number}.jpg"
            write_sheet(path, strips, columns=["sharp", *names], cell=cell)
            written.append(path)
    return written


def lines(photo: Path, level: str, methods: Sequence[str], folder: Path, judge: Judge) -> list[Strip]:
    """The whole pictures, and the face of each as large."""
    reference = judge.refer_to(photo)
    results = [place(folder, "results", level, method, photo.stem) for method in methods]
    pictures: list[Tensor] = [
        reference.sharp,
        *(read_image(result.with_name(f"{result.name}.png")).pixels for result in results),
    ]
    faces = [picture[(..., *reference.face)] for picture in pictures]
    return [Strip(pictures=pictures, label=photo.stem), Strip(pictures=faces)]
