"""CSV files that read back exactly: numbers as ``repr`` writes them, empty for None; errors name the line."""

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import check_regular

_T = TypeVar("_T")
# A row takes about 300 bytes, so no run writes as much as this.
_MAX_BYTES = 256 * 2**20


def to_csv(lines: Iterable[Iterable[object]]) -> str:
    """Returns lines of values as CSV text (RFC 4180); see ``cell``."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([cell(value) for value in line] for line in lines)
    return stream.getvalue()


def cell(value: object) -> str:
    """Returns a value as text that reads back exactly; empty for None."""
    if value is None:
        return ""
    # NumPy's float64 is a float, but its repr is not a plain number.
    return repr(float(value)) if isinstance(value, float) else str(value)


def parse_cell(name: str, text: str, parse: Callable[[str], _T]) -> _T | None:
    """Parses a cell of the column ``name``; None if it is empty; ValueError, naming the column, if ``parse`` fails."""
    if not text:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{name} cannot be {text[:40]!r}") from error


def truth(text: str) -> bool:
    """Parses ``True`` or ``False``; ValueError for any other text."""
    if text not in {"True", "False"}:
        raise ValueError("neither True nor False")
    return text == "True"


def read_csv(path: Path, parse: Callable[[dict[str, str]], _T], *, check: Callable[[list[str]], None]) -> list[_T]:
    """Reads a CSV file whose first line has the names of the columns. File names in it need not be valid UTF-8.

    Args:
        path: path of the file.
        parse: makes a row from a dict of cells by column; raises ValueError for invalid ones.
        check: raises ValueError for a wrong list of columns.

    Raises:
        PhotopulseError: if the file is missing, too large or damaged; it names the line and the reason.
    """
    try:
        # Bound the size before anything is read.
        check_regular(path)
        if path.stat().st_size > _MAX_BYTES:
            raise _refuse(path, why=f"it is larger than {_MAX_BYTES // 2**20} MiB, no run writes so many rows")
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            # Read the names, then a row per line; errors are given the line's number.
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
    return PhotopulseError(f"cannot read {path}", why=why, fix="repair it, or delete it and run the same command again")
