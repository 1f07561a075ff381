"""Labels that the user gives to the photos of an audit, in a CSV file whose first column has the file names."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from photopulse.audit.bias_audit import RESERVED_LABELS
from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import read_regular

_MOST_BYTES = 64 * 2**20

Labels = Mapping[str, Mapping[str, str]]


def read_labels(path: Path, files: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Reads labels by file name and name of the label; empty cells are left out.

    The first line has the names of the columns. The first column has file names, with or without folder; every other
    column is a label, e.g. ``gender`` or ``ethnicity`` as the people in the photos or the user stated it.

    Args:
        path: path of the CSV file, in UTF-8.
        files: the photos, of which at least one must be named.

    Raises:
        PhotopulseError: if the file cannot be read, has no label, has a label called ``all`` or ``tone``, names a photo
            twice, or names none of the photos; it states the line and the reason.
    """
    # Read the table.
    try:
        text = read_regular(path, most=_MOST_BYTES).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        labels = _read(path, ((reader.line_num, cells) for cells in reader))
    except OSError as error:
        why = system_reason(error)
        raise PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PhotopulseError(f"cannot read {path}", why=str(error), fix="save it as CSV in UTF-8") from error
    # It must be about these photos.
    if not any(file.name in labels for file in files):
        raise PhotopulseError(
            f"cannot use the labels of {path}",
            why="its first column names none of the photos",
            fix=f"write file names such as {files[0].name if files else 'photo.jpg'} into the first column",
        )
    return labels


def _read(path: Path, lines: Iterator[tuple[int, list[str]]]) -> dict[str, dict[str, str]]:
    # The names of the labels.
    first = next(lines, (1, list[str]()))[1]
    names = [name.strip() for name in first[1:]]
    if not names or not all(names) or len(set(names)) < len(names):
        raise _refuse(path, 1, "the first line does not name the columns, at least a photo and a label, each once")
    if taken := set(names) & set(RESERVED_LABELS):
        raise _refuse(path, 1, f"the audit itself uses the name {taken.pop()!r}")
    # One line per photo.
    labels: dict[str, dict[str, str]] = {}
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names) + 1:
            raise _refuse(path, number, f"it has {len(cells)} cells instead of {len(names) + 1}")
        photo = Path(cells[0].strip()).name
        if photo in labels:
            raise _refuse(path, number, f"{photo} has labels already")
        labels[photo] = {name: cell.strip() for name, cell in zip(names, cells[1:], strict=True) if cell.strip()}
    return labels


def _refuse(path: Path, line: int, why: str) -> PhotopulseError:
    fix = "write a line of names, then a line for each photo: its file name and one cell for each label"
    return PhotopulseError(f"cannot read {path}", why=f"line {line}: {why}", fix=fix)
