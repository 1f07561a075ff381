"""Lists the picture files among files and folders that the user names."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from photopulse.errors import PhotopulseError, system_reason
from photopulse.images.opening import RAW_SUFFIXES, read_formats

_UNREAD = frozenset({".heic", ".heif", ".hif", ".jxl", ".svg", ".eps", ".pdf", ".psb"}) | RAW_SUFFIXES
"""Extensions of picture formats that cannot be read: formats of phones, raw files of cameras, vector graphics."""


def image_files(inputs: Sequence[Path]) -> list[Path]:
    """Lists the picture files that ``inputs`` name, in order, each once.

    A file is listed whatever its name. A folder stands for the pictures directly in it, sorted by name: files with the
    extension of a readable format and without a leading dot.

    Raises:
        PhotopulseError: if a path is missing, or a folder has no pictures.
    """
    found: dict[Path, Path] = {}
    for path in inputs:
        for file in _pictures_in(path) if path.is_dir() else [_existing(path)]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def passed_over(inputs: Sequence[Path]) -> str | None:
    """Returns a sentence about what ``image_files`` leaves out of the folders among ``inputs``; None if nothing.

    It has the number of pictures in unreadable formats, by extension, and the number of subfolders.
    """
    # Count both.
    suffixes: Counter[str] = Counter()
    subfolders = 0
    for folder in (path for path in inputs if path.is_dir()):
        with suppress(OSError):
            for entry in folder.iterdir():
                if entry.name.startswith("."):
                    continue
                subfolders += entry.is_dir()
                suffixes[entry.suffix.lower()] += entry.suffix.lower() in _UNREAD
    # Put the numbers into words.
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
    """Lists the pictures directly in a folder; PhotopulseError if there are none."""
    # All extensions of formats that can be read.
    formats = set(read_formats())
    suffixes = {suffix for suffix, name in Image.registered_extensions().items() if name in formats}
    # The files that have one of them.
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
