"""From what the user names, files and folders, to the list of pictures."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from photopulse.errors import PhotopulseError, system_reason
from photopulse.images.opening import RAW_SUFFIXES, read_formats

_UNREAD = frozenset({".heic", ".heif", ".hif", ".jxl", ".svg", ".eps", ".pdf", ".psb"}) | RAW_SUFFIXES
"""Extensions of pictures in formats that are not read: phones', cameras' raw files, drawings."""


def image_files(inputs: Sequence[Path]) -> list[Path]:
    """Lists the pictures that ``inputs`` name, in order, each once.

    Files stand as given, whatever their name. A folder stands for the pictures right inside it, sorted by
    name: files with an extension that can be read and no leading dot. PhotopulseError for what is missing and
    for a folder without pictures.
    """
    found: dict[Path, Path] = {}
    for path in inputs:
        for file in _pictures_in(path) if path.is_dir() else [_existing(path)]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def passed_over(inputs: Sequence[Path]) -> str | None:
    """Says what ``image_files`` leaves out of the folders among ``inputs`` that a person may miss; None if nothing.

    Pictures in formats that are not read are counted by extension, and subfolders.
    """
    suffixes: Counter[str] = Counter()
    subfolders = 0
    for folder in (path for path in inputs if path.is_dir()):
        with suppress(OSError):
            for entry in folder.iterdir():
                if entry.name.startswith("."):
                    continue
                subfolders += entry.is_dir()
                suffixes[entry.suffix.lower()] += entry.suffix.lower() in _UNREAD
    told = [f"{count} {suffix}" for suffix, count in sorted(suffixes.items()) if count]
    words = [f"not read: {', '.join(told)}"] if told else []
    if subfolders:
        words.append(f"{subfolders} subfolder{'s' if subfolders > 1 else ''} not searched")
    return "; ".join(words) or None


def _existing(path: Path) -> Path:
    try:
        path.stat()
    except OSError as error:
        raise _refuse(path, error) from error
    return path


def _pictures_in(folder: Path) -> list[Path]:
    formats = set(read_formats())
    suffixes = {suffix for suffix, name in Image.registered_extensions().items() if name in formats}
    try:
        files = sorted(
            file
            for file in folder.iterdir()
            if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
        )
    except OSError as error:
        raise _refuse(folder, error) from error
    if not files:
        raise PhotopulseError(
            f"no pictures in {folder}",
            why="no file in this folder has the extension of a picture format that can be read",
            fix="name a folder that holds pictures such as .png or .jpg (subfolders are not searched)",
        )
    return files


def _refuse(path: Path, error: OSError) -> PhotopulseError:
    why = system_reason(error)
    return PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions")
