"""Reads the boxes of many pictures from files of labelling tools: Pascal VOC (XML), COCO (JSON) and CSV."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast
from xml.etree import ElementTree

from photopulse.errors import PhotopulseError, file_errors
from photopulse.training.crops.boxes import Box

_MOST_BYTES: Final = 256 * 2**20  # of a file about all pictures,
_MOST_XML_BYTES: Final = 2**20  # and of one about one picture.
_MOST_BOXES: Final = 1_000_000
_CSV_COLUMNS: Final = ("file", "left", "top", "right", "bottom")
_FIX: Final = "give Pascal VOC files (.xml), COCO (.json) or a table (.csv) with the columns " + ", ".join(_CSV_COLUMNS)

Boxes = Mapping[str, Sequence[Box]]
"""Boxes by the stem of the picture's file name."""


def read_boxes(path: Path) -> Boxes:
    """Reads the boxes of a folder of Pascal VOC files, or of one XML, JSON or CSV file.

    The pictures are found by the stems of their names, so that folders and extensions may have changed since.

    Raises:
        PhotopulseError: if the path is missing, too large or damaged, or has no boxes.
    """
    found: dict[str, list[Box]] = {}
    for count, (name, box) in enumerate(_every_box(path), start=1):
        if count > _MOST_BOXES:
            raise _refuse(path, f"it has more than {_MOST_BOXES:,} boxes")
        found.setdefault(stem_of(name), []).append(box)
    if not found:
        raise _refuse(path, "there are no boxes in it")
    return found


def stem_of(name: str) -> str:
    """Returns the stem of a file name that may come with folders of any system."""
    return PurePosixPath(name.replace("\\", "/")).stem


def _every_box(path: Path) -> Iterator[tuple[str, Box]]:
    """Yields each box with the name of its picture."""
    if path.is_dir():
        for file in sorted(path.glob("*.xml")):
            yield from _of_voc(file)
    elif path.suffix.lower() == ".xml":
        yield from _of_voc(path)
    elif path.suffix.lower() == ".json":
        yield from _of_coco(path)
    elif path.suffix.lower() == ".csv":
        yield from _of_csv(path)
    else:
        raise _refuse(path, "it is no file of boxes" if path.exists() else "there is no such file")


def _of_voc(path: Path) -> Iterator[tuple[str, Box]]:
    text = _text(path, _MOST_XML_BYTES)
    # Declarations are the only way by which XML grows or reaches for other files, and boxes need none.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _refuse(path, "it declares a document type, which files of boxes do not")
    try:
        things = ElementTree.fromstring(text).findall("object")
        for thing in things:
            numbers = [thing.findtext(f"bndbox/{name}", "") for name in ("xmin", "ymin", "xmax", "ymax")]
            yield path.stem, _box(*map(float, numbers), label=thing.findtext("name", ""))
    except (ElementTree.ParseError, ValueError) as error:
        raise _refuse(path, str(error)) from error


def _of_coco(path: Path) -> Iterator[tuple[str, Box]]:
    try:
        content = cast(dict[str, Any], json.loads(_text(path, _MOST_BYTES)))
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        labels = {entry["id"]: str(entry["name"]) for entry in content.get("categories", [])}
        for entry in content["annotations"]:
            left, top, width, height = map(float, entry["bbox"])
            label = labels.get(entry.get("category_id"), "")
            yield names[entry["image_id"]], _box(left, top, left + width, top + height, label=label)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refuse(path, f"it is no COCO file ({type(error).__name__}: {error})") from error


def _of_csv(path: Path) -> Iterator[tuple[str, Box]]:
    rows = csv.DictReader(io.StringIO(_text(path, _MOST_BYTES)))
    missing = [name for name in _CSV_COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise _refuse(path, f"the column {missing[0]} is missing")
    try:
        for row in rows:
            yield row["file"], _box(*(float(row[name]) for name in _CSV_COLUMNS[1:]), label=row.get("label") or "")
    except (ValueError, TypeError, csv.Error) as error:
        raise _refuse(path, f"line {rows.line_num}: {error}") from error


def _box(left: float, top: float, right: float, bottom: float, *, label: str) -> Box:
    if not all(math.isfinite(number) for number in (left, top, right, bottom)):
        raise ValueError("a box has a side that is no number")
    return Box(left=left, top=top, right=right, bottom=bottom, label=label.strip())


def _text(path: Path, most: int) -> str:
    with file_errors(f"cannot read the boxes of {path}", fix=_FIX), path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise _refuse(path, f"it has more than {most // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(path, "it is no text in UTF-8") from error


def _refuse(path: Path, why: str) -> PhotopulseError:
    return PhotopulseError(f"cannot read the boxes of {path}", why=why, fix=_FIX)
