"""CSV files that read back exactly: numbers as ``repr`` writes them, an empty cell for None, damage named by line."""

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from photopulse.errors import PhotopulseError, system_reason

_T = TypeVar("_T")
# A row takes about 300 bytes, so this is far more than any run writes.
_MAX_BYTES = 256 * 2**20


def to_csv(lines: Iterable[Iterable[object]]) -> str:
    """Words lines of cells as CSV (RFC 4180); see ``cell``."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([cell(value) for value in line] for line in lines)
    return stream.getvalue()


def cell(value: object) -> str:
    """Words a value so that it can be read back exactly; empty for None."""
    if value is None:
        return ""
    # NumPy's float64 is a float, but its repr is no number.
    return repr(float(value)) if isinstance(value, float) else str(value)


def parse_cell(name: str, text: str, parse: Callable[[str], _T]) -> _T | None:
    """Reads what ``cell`` worded; ValueError naming the column for what ``parse`` does not take."""
    if not text:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{name} cannot be {text[:40]!r}") from error


def truth(text: str) -> bool:
    """Reads ``True`` or ``False``; ValueError for all else."""
    if text not in {"True", "False"}:
        raise ValueError("neither True nor False")
    return text == "True"


def read_csv(path: Path, parse: Callable[[dict[str, str]], _T], *, check: Callable[[list[str]], None]) -> list[_T]:
    """Reads a CSV file with a line of names, whose names of files may be no UTF-8.

    Args:
        path: of the file.
        parse: makes a row of the cells by the names of their columns, or raises ValueError.
        check: raises ValueError for names of columns that are not the right ones.

    Raises:
        PhotopulseError: naming the line and the reason, if the file is missing, too large or damaged.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _refuse(path, why=f"it is larger than {_MAX_BYTES // 2**20} MiB, no run writes so many rows")
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            try:
                names = next(reader, list[str]())
                check(names)
                return [parse(_by_name(names, cells)) for cells in reader if cells]
            except (ValueError, csv.Error) as error:
                raise _refuse(path, why=f"line {max(reader.line_num, 1)}: {error}") from error
    except OSError as error:
        why = system_reason(error)
        raise PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions") from error


def _by_name(names: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(names):
        raise ValueError(f"it has {len(cells)} cells instead of {len(names)}")
    return dict(zip(names, cells, strict=True))


def _refuse(path: Path, *, why: str) -> PhotopulseError:
    return PhotopulseError(f"cannot read {path}", why=why, fix="mend it, or delete the file and run the same again")
