"""Reads the boxes of many pictures from files of labelling tools: Pascal VOC (XML), COCO (JSON) and CSV."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar, cast
from xml.etree import ElementTree

from photopulse.errors import PhotopulseError, file_errors
from photopulse.files import read_regular
from photopulse.runs.fields import from_fields
from photopulse.training.crops.boxes import Box
from photopulse.training.crops.matching import entry_of

_MOST_BYTES: Final = 256 * 2**20  # of a file about all pictures,
_MOST_XML_BYTES: Final = 2**20  # and of one about one picture.
_MOST_BOXES: Final = 1_000_000
_FARTHEST: Final = 1e9  # px
_MOST_TOLD: Final = 40  # characters of a value,
_MOST_NAMES: Final = 12  # and columns.
_CSV_COLUMNS: Final = ("file", "left", "top", "right", "bottom")
_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
_FIX: Final = "give Pascal VOC files (.xml), COCO (.json) or a table (.csv) with the columns " + ", ".join(_CSV_COLUMNS)

_Entry = TypeVar("_Entry")

Boxes = Mapping[PurePosixPath, Sequence[Box]]
"""Boxes by the name of their picture, with its folders if the file tells them."""


def read_boxes(path: Path, *, recursive: bool = False, named: bool = False) -> Boxes:
    """Reads the boxes of a folder of Pascal VOC files, or of one XML, JSON or CSV file.

    Boxes of Pascal VOC files have the names of those files, because pictures may have been renamed with them.

    Args:
        path: the folder or file.
        recursive: whether the subfolders of a folder are read, too.
        named: whether every box has to tell what it is around.

    Raises:
        PhotopulseError: if the path is missing, too large or damaged, has no boxes, or none with names if ``named``.
    """
    found: dict[PurePosixPath, list[Box]] = {}
    for count, (name, box) in enumerate(_every_box(path, recursive=recursive, named=named), start=1):
        if count > _MOST_BOXES:
            raise _refuse(path, f"it has more than {_MOST_BOXES:,} boxes")
        found.setdefault(entry_of(name), []).append(box)
    if not found:
        raise _refuse(path, "there are no boxes in it")
    return found


def _every_box(path: Path, *, recursive: bool, named: bool) -> Iterator[tuple[str, Box]]:
    """Yields each box with the name of its picture."""
    if path.is_dir():
        for file in sorted(path.rglob("*.xml") if recursive else path.glob("*.xml")):
            yield from _of_voc(file, file.relative_to(path).as_posix())
    elif path.suffix.lower() == ".xml":
        yield from _of_voc(path, path.name)
    elif path.suffix.lower() == ".json":
        yield from _of_coco(path, named=named)
    elif path.suffix.lower() in (".csv", ".tsv"):
        yield from _of_csv(path, named=named)
    else:
        raise _refuse(path, "it is no file of boxes" if path.exists() else "there is no such file")


def _of_voc(path: Path, name: str) -> Iterator[tuple[str, Box]]:
    text = _text(path, _MOST_XML_BYTES)
    # Declarations are the only way by which XML grows or reaches for other files, and boxes need none.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _refuse(path, "it declares a document type, which files of boxes do not")
    try:
        for thing in ElementTree.fromstring(text).findall("object"):
            sides = (_number(side, thing.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
            yield name, _box(*sides, label=thing.findtext("name", ""))
    except (ElementTree.ParseError, ValueError) as error:
        raise _refuse(path, str(error)) from error


@dataclass(frozen=True, kw_only=True)
class _CocoImage:
    id: int | str
    file_name: str


@dataclass(frozen=True, kw_only=True)
class _CocoCategory:
    id: int | str
    name: str


@dataclass(frozen=True, kw_only=True)
class _CocoAnnotation:
    image_id: int | str
    bbox: tuple[float, float, float, float]
    category_id: int | str | None = None


def _of_coco(path: Path, *, named: bool) -> Iterator[tuple[str, Box]]:
    # Read the lists.
    try:
        content: object = json.loads(_text(path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise _refuse(path, f"it is no COCO file, because it is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise _refuse(path, "it is no COCO file, because it holds no object")
    lists: dict[str, object] = {"categories": [], **cast("dict[str, object]", content)}
    names = {image.id: image.file_name for _, image in _entries(path, lists, "images", _CocoImage)}
    labels = {category.id: category.name for _, category in _entries(path, lists, "categories", _CocoCategory)}
    # Make a box of each annotation.
    for where, entry in _entries(path, lists, "annotations", _CocoAnnotation):
        if entry.image_id not in names:
            raise _refuse(path, f"{where}: there is no image {entry.image_id!r}")
        left, top, width, height = entry.bbox
        # A file without any categories is of one kind of thing.
        if (named or labels) and entry.category_id is not None and entry.category_id not in labels:
            raise _refuse(path, f"{where}: there is no category {entry.category_id!r}")
        label = "" if entry.category_id is None else labels.get(entry.category_id, "")
        try:
            yield names[entry.image_id], _box(left, top, left + width, top + height, label=label)
        except ValueError as error:
            raise _refuse(path, f"{where}: {error}") from error


def _entries(path: Path, lists: Mapping[str, object], name: str, kind: type[_Entry]) -> Iterator[tuple[str, _Entry]]:
    """Yields each entry of a list of a COCO file, with words that tell where it stands."""
    told = lists.get(name)
    if not isinstance(told, list):
        raise _refuse(path, f"it is no COCO file, because it has no list of {name}")
    for place, one in enumerate(cast("list[object]", told), start=1):
        where = f"entry {place} of {name}"
        if not isinstance(one, dict):
            raise _refuse(path, f"{where} is no object")
        try:
            entry = from_fields(kind, cast("dict[str, object]", one))
        except TypeError as error:
            raise _refuse(path, f"{where}: {error}") from error
        yield where, entry


def _of_csv(path: Path, *, named: bool) -> Iterator[tuple[str, Box]]:
    text = _text(path, _MOST_BYTES)
    first = text[: text.find("\n")] if "\n" in text else text
    separator = max(_SEPARATORS, key=first.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    try:
        # Read the names of the columns.
        columns = [name.strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = columns
        missing = [name for name in (*_CSV_COLUMNS, *(("label",) if named else ())) if name not in columns]
        if missing:
            told = ", ".join(name[:_MOST_TOLD] for name in columns[:_MOST_NAMES]) or "none"
            read = f"separated by {_SEPARATORS[separator]}, its columns are {told}"
            raise _refuse(path, f"the column {missing[0]} is missing; {read}")
        # Read the boxes.
        for row in rows:
            if not entry_of(row["file"] or "").name:
                raise ValueError("file names no picture")
            sides = (_number(name, row[name]) for name in _CSV_COLUMNS[1:])
            yield row["file"] or "", _box(*sides, label=row.get("label") or "")
    except (ValueError, csv.Error) as error:
        raise _refuse(path, f"line {max(rows.line_num, 1)}: {error}") from error


def _number(name: str, text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise ValueError(f"{name} is no number but {(text or '')[:_MOST_TOLD]!r}") from None


def _box(left: float, top: float, right: float, bottom: float, *, label: str) -> Box:
    if not all(abs(number) < _FARTHEST for number in (left, top, right, bottom)):
        raise ValueError("a box has a side that is no number, or far outside of any picture")
    return Box(left=left, top=top, right=right, bottom=bottom, label=label.strip())


def _text(path: Path, most: int) -> str:
    with file_errors(f"cannot read the boxes of {path}", fix=_FIX):
        content = read_regular(path, most=most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(path, "it is no text in UTF-8") from error


def _refuse(path: Path, why: str) -> PhotopulseError:
    return PhotopulseError(f"cannot read the boxes of {path}", why=why, fix=_FIX)
