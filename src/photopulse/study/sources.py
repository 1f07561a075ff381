"""Finds the pictures of each method, in what `photopulse evaluate` wrote or in any folder of methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photopulse.errors import PhotopulseError, system_reason
from photopulse.images import image_files
from photopulse.study.plan import ORIGINAL
from photopulse.study.settings import StudySettings

_SHARP = "sharp"
_NO_METHODS = {"small", "damaged", "figures", ORIGINAL}
"""Folders of an evaluation that hold no results; that of the originals in each condition has only records."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The pictures of each method.

    Attributes:
        files: files by method, then by face; the same faces for all methods, in the order of their names.
        side: height and width in px to which the pictures are downscaled; None if they are shown as they are.
        left_out: number of faces that some method lacks.
    """

    files: Mapping[str, Mapping[str, Path]]
    side: int | None
    left_out: int

    @property
    def faces(self) -> list[str]:
        """Names of the faces."""
        return list(next(iter(self.files.values())))


def find_sources(folder: Path, settings: StudySettings, wanted: Sequence[str] | None) -> Sources:
    """Finds the pictures of methods.

    An output folder of ``evaluate`` has the originals in ``sharp``, the results of faces in
    ``CONDITION/METHOD/SIDE`` and those of photos in ``LEVEL/METHOD``. Any other folder has a subfolder with pictures
    for each method, of which one may be called ``original``; files of one face have the same name.

    Args:
        folder: folder to search.
        settings: settings of the study.
        wanted: methods to find, ``ORIGINAL`` among them; all that there are if None.

    Raises:
        PhotopulseError: if a method is missing, or methods have no faces in common.
    """
    # The folder of each method.
    places = _methods(folder, settings.condition)
    if wanted is not None and (missing := [method for method in wanted if method not in places]):
        raise _refuse(folder, f"there is no method {', '.join(missing)}, only {', '.join(places)}", "choose of those")
    places = {method: places[method] for method in wanted or places}
    # Of faces, one size.
    sided = {method: sides for method, place in places.items() if (sides := _sides(place))}
    side = settings.size or min((side for sides in sided.values() for side in sides), default=None)
    for method, sides in sided.items():
        places[method] = sides[_fitting(folder, method, list(sides), side)]
    # The faces that all of them have.
    found = {method: {file.stem: file for file in image_files([place])} for method, place in places.items()}
    shared = set[str].intersection(*(set(files) for files in found.values()))
    if not shared:
        raise _refuse(folder, f"{', '.join(found)} have no pictures of the same name", "choose other methods")
    return Sources(
        files={method: {face: files[face] for face in sorted(shared)} for method, files in found.items()},
        side=side,
        left_out=len(set[str].union(*(set(files) for files in found.values())) - shared),
    )


def _methods(folder: Path, condition: str | None) -> dict[str, Path]:
    """Returns the folders of the methods by their names, the originals first."""
    if not (folder / _SHARP).is_dir():
        methods = {path.name: path for path in _folders(folder)}
        if not methods:
            raise _refuse(folder, "it has no subfolders", "name the output folder of evaluate, or a folder of methods")
        return {name: methods[name] for name in sorted(methods, key=lambda name: (name != ORIGINAL, name))}
    conditions = {path.name: path for path in _folders(folder) if path.name not in {_SHARP, *_NO_METHODS}}
    if condition is None and len(conditions) != 1:
        raise _refuse(folder, f"it has the conditions {', '.join(conditions) or 'none'}", "choose one with --condition")
    chosen = conditions.get(condition or next(iter(conditions)))
    if chosen is None:
        raise _refuse(folder, f"there is no condition {condition}, only {', '.join(conditions)}", "choose of those")
    results = {path.name: path for path in _folders(chosen) if path.name not in _NO_METHODS}
    return {ORIGINAL: folder / _SHARP, **results}


def _folders(folder: Path) -> list[Path]:
    """Lists the subfolders, sorted, without hidden ones."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise _refuse(folder, system_reason(error), "check the path and its permissions") from error


def _sides(place: Path) -> dict[int, Path]:
    """Returns the folders of a method by the side of their pictures; none if it has no such folders."""
    return {int(path.name): path for path in _folders(place) if path.name.isascii() and path.name.isdigit()}


def _fitting(folder: Path, method: str, sides: Sequence[int], side: int | None) -> int:
    """Returns the smallest side that is a multiple of the wanted one."""
    fitting = [have for have in sides if side and have % side == 0]
    if not fitting:
        told = " and ".join(map(str, sorted(sides)))
        raise _refuse(folder, f"{method} has {told} px, which is no multiple of {side} px", "choose another --size")
    return min(fitting)


def _refuse(folder: Path, why: str, fix: str) -> PhotopulseError:
    return PhotopulseError(f"cannot make a study of {folder}", why=why, fix=fix)
