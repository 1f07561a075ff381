"""Tells which entry of a list of names, as files of boxes and folders of masks have them, is about a picture."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from photopulse.errors import PhotopulseError

_TOLD: Final = 3  # names in a message.

_End = tuple[str, ...]
_Rank = tuple[bool, bool]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of a run.

    Attributes:
        files: all of them.
        folders: the folders that were given, in which they lie.
        recursive: whether subfolders are searched, for pictures as for what belongs to them.
    """

    files: Sequence[Path]
    folders: Sequence[Path] = ()
    recursive: bool = False


class Matching:
    """Finds the entry of each picture: the one with the most folders that are the last ones of the picture's path.

    Extensions may differ, unless they decide between two. An entry is used for one picture only.

    Args:
        pictures: the pictures.
        entries: the names, with or without folders.
        mirrored: whether the entries are files of a folder that is built as the pictures' own; one at the same place as
            a picture is then that picture's, whatever others have its name.
    """

    def __init__(self, pictures: Pictures, entries: Iterable[PurePosixPath], *, mirrored: bool) -> None:
        # Index the entries.
        self._folders = pictures.folders if mirrored else ()
        self._by_end: dict[_End, list[PurePosixPath]] = {}
        self._by_stem: dict[str, PurePosixPath] = {}
        for entry in entries:
            self._by_end.setdefault((*entry.parts[:-1], entry.stem), []).append(entry)
            self._by_stem.setdefault(entry.stem, entry)
        # Let every picture claim its entry.
        self._claims: dict[PurePosixPath, dict[_Rank, list[Path]]] = {}
        for file in pictures.files:
            for entry in self._choices(file):
                self._claims.setdefault(entry, {}).setdefault(self._rank(file, entry), []).append(file)

    def find(self, file: Path) -> PurePosixPath | None:
        """Returns the entry of one of the pictures; None if it has none.

        Raises:
            PhotopulseError: if several entries may be its own, or its entry may be that of several pictures.
        """
        choices = self._choices(file)
        if not choices:
            return None
        if len(choices) > 1:
            raise _ambiguous(file, f"{_names(choices)} may all be about it", "keep one of them")
        (entry,) = choices
        claims, rank = self._claims.get(entry, {}), self._rank(file, entry)
        if any(other > rank for other in claims):
            return None
        if len(rivals := claims.get(rank, [])) > 1:
            fix = f"give it the folder, too, as in {_with_folder(file)}"
            raise _ambiguous(file, f"{entry} may be about {_names(rivals)}", fix)
        return entry

    def like(self, file: Path) -> PurePosixPath | None:
        """Returns an entry that has a picture's name, be it in another folder; None if there is none."""
        return self._by_stem.get(file.stem)

    def _choices(self, file: Path) -> Sequence[PurePosixPath]:
        """Returns the entries of the longest fitting path; of two, the one of the same extension."""
        parts = (*Path(os.path.abspath(file)).parts[:-1], file.stem)  # noqa: PTH100 - a link keeps its name.
        for start in range(len(parts)):
            if fitting := self._by_end.get(parts[start:]):
                return [entry for entry in fitting if _same_extension(file, entry)] or fitting
        return ()

    def _rank(self, file: Path, entry: PurePosixPath) -> _Rank:
        places = (file.relative_to(folder) for folder in self._folders if file.is_relative_to(folder))
        mirrors = any(place.with_suffix("").parts == entry.with_suffix("").parts for place in places)
        return mirrors, _same_extension(file, entry)


def entry_of(name: str) -> PurePosixPath:
    """Returns a name that may come with folders of any system; what only leads to its place is left out."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..") and part[-1] != ":"]
    return PurePosixPath(*parts)


def _same_extension(file: Path, entry: PurePosixPath) -> bool:
    return file.suffix.lower() == entry.suffix.lower()


def _names(paths: Sequence[Path] | Sequence[PurePosixPath]) -> str:
    told = ", ".join(str(path) for path in paths[:_TOLD])
    return told + (f" and {len(paths) - _TOLD} others" if len(paths) > _TOLD else "")


def _with_folder(file: Path) -> str:
    return f"{file.parent.absolute().name}/{file.name}"


def _ambiguous(file: Path, why: str, fix: str) -> PhotopulseError:
    return PhotopulseError(f"cannot tell what belongs to {file}", why=why, fix=fix)
