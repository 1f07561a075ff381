"""One measured picture a file: what makes the benchmark go on where it stopped."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.files import write_text
from photopulse.images import read_image, write_image

from .inputs import Case, make_case
from .measures import Judge, Reference, Values
from .methods import Method, Restored

SHARP = "sharp"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a method made of a photo damaged at a level; ``stages`` are photopulse's seconds by stage."""

    level: str
    method: str
    photo: str
    damage: str
    version: str = ""
    seconds: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    values: Values = field(default_factory=dict)


def place(folder: Path, kind: str, level: str, method: str, photo: str) -> Path:
    """The file of a ``kind``, "rows" or "results", without its suffix."""
    return folder / kind / level / method.replace(":", "-") / photo


def read_row(path: Path) -> Row | None:
    try:
        return Row(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_rows(folder: Path) -> list[Row]:
    """Reads all rows of an output folder; raises SystemExit where there are none."""
    rows = [row for path in sorted(folder.glob("rows/*/*/*.json")) if (row := read_row(path)) is not None]
    if not rows:
        raise SystemExit(f"there are no rows in {folder}: run the benchmark first")
    return rows


def measure_photos(
    photos: Sequence[Path],
    levels: Sequence[str],
    methods: Sequence[Method],
    folder: Path,
    limits: Mapping[str, int],
) -> Iterator[Row]:
    """Yields the rows that are made anew; photo by photo, so that what is there compares whenever one stops.

    The sharp photo is a method of its own, for the NIQE of the truth.
    """
    judge: Judge | None = None
    for number, photo in enumerate(photos):
        reference: Reference | None = None
        for level in levels:
            case = make_case(photo, level, folder)
            for method in (None, *methods):
                name = SHARP if method is None else method.name
                target = place(folder, "rows", level, name, photo.stem)
                if number >= limits.get(name, len(photos)) or finished(target, method):
                    continue
                judge = judge or Judge.load()
                reference = reference or judge.refer_to(photo)
                row = measured(photo, case, method, folder, judge, reference)
                write_text(target.with_name(f"{target.name}.json"), json.dumps(asdict(row), indent=1) + "\n")
                yield row


def finished(target: Path, method: Method | None) -> bool:
    row = read_row(target.with_name(f"{target.name}.json"))
    return row is not None and (method is None or row.version == method.version())


def measured(photo: Path, case: Case, method: Method | None, folder: Path, judge: Judge, reference: Reference) -> Row:
    """Restores, writes the picture, and measures what was written."""
    if method is None:
        values = judge.measure(reference.sharp, reference)
        return Row(level=case.level, method=SHARP, photo=photo.stem, damage=case.damage, values=values)
    try:
        version = method.version()  # Networks are loaded before the clock starts.
        started = time.perf_counter()
        restored: Restored = method.restore(case)
        seconds = time.perf_counter() - started
    except PhotopulseError as error:
        raise SystemExit(f"{method.name}, {case.level}, {photo.name}: {error}") from error
    target = place(folder, "results", case.level, method.name, photo.stem)
    target = target.with_name(f"{target.name}.png")
    write_image(target, restored.image)
    return Row(
        level=case.level,
        method=method.name,
        photo=photo.stem,
        damage=case.damage,
        version=version,
        seconds=round(seconds, 4),
        stages=dict(restored.stages),
        values=judge.measure(read_image(target).pixels, reference),
    )
