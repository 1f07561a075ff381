"""From what the user names, files and folders, to the list of pictures."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images.opening import read_formats
from photopulse.images.packaged import HOW_TO_READ, PACKAGED_FORMATS

_DRAWINGS = frozenset({".svg", ".eps", ".pdf", ".psb"})
_MOST_FOLDERS = 100_000


def image_files(inputs: Sequence[Path], *, recursive: bool = False, leave_out: Path | None = None) -> list[Path]:
    """Lists the pictures that ``inputs`` name, in order, each once.

    Files stand as given, whatever their name. A folder stands for the pictures right inside it, sorted by
    name: files with an extension that can be read and no leading dot. With ``recursive``, those of its subfolders
    follow, also sorted: no hidden ones, no links, which might lead in circles, and not ``leave_out``.

    Raises:
        PhotopulseError: for what is missing, a folder without pictures, and one of more than 100,000 subfolders.
    """
    found: dict[Path, Path] = {}
    for path in inputs:
        files = _pictures_below(path, recursive, leave_out) if path.is_dir() else [_existing(path)]
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def passed_over(
    inputs: Sequence[Path], *, recursive: bool = False, leave_out: Path | None = None, option: str | None = None
) -> str | None:
    """Says what ``image_files`` leaves out of the folders among ``inputs`` that a person may miss; None if nothing.

    Pictures in formats that are not read are counted by extension, with how they can be read, and subfolders that are
    not searched, with the ``option`` that searches them.
    """
    suffixes: Counter[str] = Counter()
    subfolders = unread = 0
    for root in (path for path in inputs if path.is_dir()):
        for folder in _searched(root, recursive, leave_out):
            try:
                suffixes.update(file.suffix.lower() for file in folder.iterdir() if not file.name.startswith("."))
                subfolders += 0 if recursive else len(_subfolders(folder, leave_out))
            except OSError:
                unread += 1
    words = [
        _counted(suffixes, _packaged_suffixes(read=False), f" (to read them: {HOW_TO_READ})"),
        _counted(suffixes, _DRAWINGS, ""),
        f"{_numbered(subfolders)} not searched{f' ({option} searches them)' if option else ''}" if subfolders else "",
        f"{_numbered(unread)} cannot be opened" if unread else "",
    ]
    return "; ".join(word for word in words if word) or None


def _counted(suffixes: Counter[str], wanted: frozenset[str], more: str) -> str:
    told = [f"{suffixes[suffix]} {suffix}" for suffix in sorted(wanted) if suffixes[suffix]]
    return f"not read: {', '.join(told)}{more}" if told else ""


def _numbered(subfolders: int) -> str:
    return f"{subfolders} subfolder{'s' if subfolders > 1 else ''}"


def _existing(path: Path) -> Path:
    try:
        path.stat()
    except OSError as error:
        raise _refuse(path, error) from error
    return path


def _pictures_below(root: Path, recursive: bool, leave_out: Path | None) -> list[Path]:
    formats = set(read_formats())
    suffixes = {suffix for suffix, name in Image.registered_extensions().items() if name in formats}
    suffixes |= _packaged_suffixes(read=True)
    files: list[Path] = []
    for folder in _searched(root, recursive, leave_out):
        try:
            files += sorted(
                file
                for file in folder.iterdir()
                if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
            )
        except OSError as error:
            if folder == root:
                raise _refuse(root, error) from error
    if not files:
        others = passed_over([root], recursive=recursive, leave_out=leave_out)
        raise PhotopulseError(
            f"no pictures in {root}",
            why=others or "no file in this folder has the extension of a picture format that can be read",
            fix="name a folder that holds pictures such as .png or .jpg",
        )
    return files


def _packaged_suffixes(*, read: bool) -> frozenset[str]:
    """Extensions of the formats whose packages are installed, or are not."""
    return frozenset[str]().union(*(known.suffixes for known in PACKAGED_FORMATS if known.is_read == read))


def _searched(root: Path, recursive: bool, leave_out: Path | None) -> Iterator[Path]:
    """The folders whose pictures are listed: the root and, if wanted, all below it."""
    waiting, met = [root], 0
    while waiting:
        folder = waiting.pop()
        yield folder
        met += 1
        if met > _MOST_FOLDERS:
            why = f"it has more than {_MOST_FOLDERS:,} subfolders"
            raise PhotopulseError(f"cannot search {root}", why=why, fix="name the folders of the pictures")
        if recursive:
            waiting += reversed(_subfolders(folder, leave_out))


def _subfolders(folder: Path, leave_out: Path | None) -> list[Path]:
    """Sorted, without links, hidden ones and ``leave_out``; none where they cannot be listed."""
    left_out = leave_out.resolve() if leave_out else None
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        return [entry for entry in entries if entry.is_dir() and not entry.is_symlink() and entry.resolve() != left_out]
    except OSError:
        return []


def _refuse(path: Path, error: OSError) -> PhotopulseError:
    why = error.strerror or type(error).__name__
    return PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions")
