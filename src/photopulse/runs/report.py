"""The report of a folder of work: a row for each output, kept up to date, so that a rerun goes on."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path

REPORT_VERSION = 1
ItemStatus = Literal["converged", "not-converged", "aligned", "made", "restored", "failed"]

# What later code relies on in the rows of a file that anyone may have edited.
_FIELD_KINDS = {
    ("input", "output", "status", "key"): str,
    ("downscale_mse", "eps", "surface", "diversity", "seconds", "fidelity", "scale"): (int, float),
    ("stages", "networks"): dict,
    ("faces",): list,
}


@dataclass(frozen=True, kw_only=True)
class ReportItem:
    """What became of one input, or of one of its answers.

    Attributes:
        input: path as given, or the seed where a face is drawn from nothing.
        output: path of the picture, None if there is none.
        status: ``"converged"`` and ``"not-converged"`` (of a search), ``"aligned"``, ``"made"``, ``"restored"`` or
            ``"failed"``.
        error: what, why and the way out, if it failed.
        key: fingerprint of the input and of all settings; the same key gives the same picture.
        downscale_mse: of the search's picture to the input.
        eps: what it should be at most.
        steps: of the search.
        full_evaluations: full-size images that the search computed.
        surface: strength of the smooth correction that was added at last, root mean square on the scale of [0, 1].
        diversity: how different the answers to this input are, in grey levels; see ``metrics.diversity``.
        seconds: the item took.
        seed: of the answer.
        generator: its name.
        method: of the search.
        size: width and height of the output.
        face: number of the face in a photo, from 1.
        quad: corners of the face's square in the photo, in px, from the top left one counterclockwise.
        damage: of a photo before it was restored, see ``PhotoDamage``.
        cleaned: share of the cleaned picture that was used, 0 to 1; None where none was asked for.
        faces: of a restored photo, the largest first: each with what ``RestoredFace`` tells; None where none were
            looked for.
        stages: seconds by stage of a restoration.
        fidelity: of restored faces.
        scale: factor by which a restored photo was asked to grow.
        working_size: longer side in px at which a restored photo was cleaned.
        networks: fingerprints of the networks that restored it, by their names.
    """

    input: str
    status: ItemStatus
    output: str | None = None
    error: str | None = None
    key: str | None = None
    downscale_mse: float | None = None
    eps: float | None = None
    steps: int | None = None
    full_evaluations: int | None = None
    surface: float | None = None
    diversity: float | None = None
    seconds: float | None = None
    seed: int | None = None
    generator: str | None = None
    method: str | None = None
    size: tuple[int, int] | None = None
    face: int | None = None
    quad: tuple[tuple[float, float], ...] | None = None
    damage: Mapping[str, object] | None = None
    cleaned: float | None = None
    faces: Sequence[Mapping[str, object]] | None = None
    stages: Mapping[str, float] | None = None
    fidelity: float | None = None
    scale: float | None = None
    working_size: int | None = None
    networks: Mapping[str, str] | None = None


def exit_code(items: Iterable[ReportItem]) -> int:
    """Returns 1 if an item failed, else 3 if one did not reach eps, else 0."""
    statuses = {item.status for item in items}
    if "failed" in statuses:
        return 1
    return 3 if "not-converged" in statuses else 0


def to_json(command: str, items: Iterable[ReportItem]) -> str:
    """Words the report as JSON; fields that do not apply are left out.

    ``output`` and ``error`` never are, nor are the ``faces`` of a restored photo.
    """
    content = {
        "version": REPORT_VERSION,
        "photopulse": version("photopulse"),
        "command": command,
        "items": [_fields(item) for item in items],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    # File names that are no Unicode hold lone surrogates, which JSON knows only as escapes.
    return text.encode("utf-8", errors="backslashreplace").decode()


def _fields(item: ReportItem) -> dict[str, object]:
    always = ("output", "error", "faces") if item.status == "restored" else ("output", "error")
    fields = {name: value for name, value in asdict(item).items() if value is not None or name in always}
    # JSON has no number for the error of a picture that is not a number.
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }


class Report:
    """``report.json`` of a running command: rows in the order of the work, saved after each new one.

    Until the end, the file also keeps the rows of an earlier run that this one has not come to yet: whatever
    ends it, nothing that was finished is forgotten.

    Args:
        folder: where the report and the pictures lie; it is made.
        command: whose rows these are.
        resume: take over the rows of an earlier run of the command.

    Raises:
        PhotopulseError: if the folder cannot be made.
    """

    def __init__(self, folder: Path, command: str, *, resume: bool) -> None:
        self.path = folder / "report.json"
        self._command = command
        self._rows: dict[int, ReportItem] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._earlier = read_finished(self.path, command) if resume else {}

    @property
    def items(self) -> list[ReportItem]:
        """The rows so far."""
        return [self._rows[place] for place in sorted(self._rows)]

    def finished(self, output: Path, key: str) -> ReportItem | None:
        """Returns the row that an earlier run gave to an output, if the key is the same and the picture there."""
        row = self._earlier.get(output.name)
        return row if row is not None and row.key == key and output.is_file() else None

    def keep(self, place: int, item: ReportItem) -> None:
        """Adds a row of an earlier run, which the file has already, at its place in the order of the work."""
        self._rows[place] = item

    def add(self, place: int, item: ReportItem) -> None:
        """Adds a new row at its place in the order of the work, and saves.

        Raises:
            PhotopulseError: if the report cannot be written.
        """
        self._rows[place] = item
        items = self.items
        written = {Path(item.output).name for item in items if item.output}
        self._save([*items, *(row for name, row in self._earlier.items() if name not in written)])

    def close(self) -> list[ReportItem]:
        """Saves the rows of this run alone, and returns them."""
        self._save(self.items)
        return self.items

    def _save(self, items: Iterable[ReportItem]) -> None:
        try:
            with atomic_path(self.path) as temporary:
                temporary.write_text(to_json(self._command, items), encoding="utf-8")
        except OSError as error:
            raise _unwritable(self.path, error) from error


def read_finished(path: Path, command: str) -> dict[str, ReportItem]:
    """Returns the rows of what an earlier run of the command finished, by the name of the picture.

    A report that is missing, damaged or of another command counts as none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != REPORT_VERSION or content["command"] != command:
            return {}
        items = [_item(dict(row)) for row in content["items"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return {Path(item.output).name: item for item in items if item.output and item.status != "failed"}


def _item(row: dict[str, Any]) -> ReportItem:
    """Makes a row of what JSON brought; TypeError if a field is unknown, missing or of another type."""
    for names, kind in _FIELD_KINDS.items():
        for name in names:
            if row.get(name) is not None and not isinstance(row[name], kind):
                raise TypeError(f"{name} is a {type(row[name]).__name__}")
    if row.get("size") is not None:
        row = row | {"size": tuple(row["size"])}
    return ReportItem(**row)


def _unwritable(path: Path, error: OSError) -> PhotopulseError:
    return PhotopulseError(
        f"cannot write {path}",
        why=error.strerror or str(error),
        fix="choose a folder that can be written to and has room, with -o",
    )
