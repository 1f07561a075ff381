"""Lists the picture files among files and folders that the user names."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from photopulse.errors import PhotopulseError, system_reason
from photopulse.images.opening import read_formats
from photopulse.images.packaged import HOW_TO_READ, PACKAGED_FORMATS

_DRAWINGS = frozenset({".svg", ".eps", ".pdf", ".psb"})
"""Extensions of vector graphics and documents, which cannot be read."""
_MOST_FOLDERS = 100_000


def image_files(
    inputs: Sequence[Path],
    *,
    recursive: bool = False,
    leave_out: Path | None = None,
    on_error: Callable[[PhotopulseError], None] | None = None,
) -> list[Path]:
    """Lists the picture files that ``inputs`` name, in order, each once.

    A file is listed whatever its name. A folder stands for the pictures directly in it, sorted by name: files with the
    extension of a readable format and without a leading dot.

    Args:
        inputs: files and folders.
        recursive: whether the pictures in subfolders follow, sorted as well; hidden subfolders are not searched, nor
            links, which might form a circle.
        leave_out: folder that is not searched either, or None.
        on_error: is called with the error for an input, which is then listed itself, so that it becomes a failed row;
            None raises the error.

    Raises:
        PhotopulseError: if a path is missing, or a folder has no pictures or more than 100,000 subfolders.
    """
    found: dict[Path, Path] = {}
    for path in inputs:
        try:
            files = _pictures_below(path, recursive, leave_out) if _is_folder(path) else [_existing(path)]
        except PhotopulseError as error:
            if on_error is None:
                raise
            on_error(error)
            files = [path]
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def passed_over(
    inputs: Sequence[Path], *, recursive: bool = False, leave_out: Path | None = None, option: str | None = None
) -> str | None:
    """Returns a sentence about what ``image_files`` leaves out of the folders among ``inputs``; None if nothing.

    It has the number of pictures in unreadable formats, by extension, with the way to read them, and the number of
    subfolders that are not searched, with the ``option`` that searches them.
    """
    # Count both.
    suffixes: Counter[str] = Counter()
    subfolders = unread = 0
    for root in (path for path in inputs if _is_folder(path)):
        for folder in _searched(root, recursive, leave_out):
            try:
                suffixes.update(file.suffix.lower() for file in folder.iterdir() if not file.name.startswith("."))
                subfolders += 0 if recursive else len(_subfolders(folder, leave_out))
            except OSError:
                unread += 1
    # Put the numbers into words.
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


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # No permission, or too long a name: reading it will say so.
        return False


def _existing(path: Path) -> Path:
    try:
        path.stat()
    except OSError as error:
        raise _refuse(path, error) from error
    return path


def _pictures_below(root: Path, recursive: bool, leave_out: Path | None) -> list[Path]:
    """Lists the pictures in a folder, and in its subfolders if ``recursive``; PhotopulseError if there are none."""
    # All extensions of formats that can be read.
    formats = set(read_formats())
    suffixes = {suffix for suffix, name in Image.registered_extensions().items() if name in formats}
    suffixes |= _packaged_suffixes(read=True)
    # The files that have one of them.
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
    """Returns the extensions of the packaged formats that can be read, or of those that cannot."""
    return frozenset[str]().union(*(known.suffixes for known in PACKAGED_FORMATS if known.is_read == read))


def _searched(root: Path, recursive: bool, leave_out: Path | None) -> Iterator[Path]:
    """Yields the folders whose pictures are listed: the root and, if ``recursive``, all below it."""
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
    """Lists the subfolders, sorted, without hidden ones, links and ``leave_out``; none if they cannot be listed."""
    left_out = leave_out.resolve() if leave_out else None
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        return [entry for entry in entries if entry.is_dir() and not entry.is_symlink() and entry.resolve() != left_out]
    except OSError:
        return []


def _refuse(path: Path, error: OSError) -> PhotopulseError:
    why = system_reason(error)
    return PhotopulseError(f"cannot read {path}", why=why, fix="check the path and its permissions")
