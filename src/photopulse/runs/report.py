"""The report of a folder of work: a row for each output."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

from photopulse.files import atomic_path
from photopulse.runs.fields import from_fields
from photopulse.runs.log import Entry, unwritable
from photopulse.runs.rows import RunRows

REPORT_VERSION = 1
ItemStatus = Literal["converged", "not-converged", "aligned", "made", "restored", "failed"]


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
        compare: path of the picture of before and after.
        frames: pictures in the file, where there are several, of which the first was taken.
        missing_rows: rows that are missing at the end of a file that was cut off.
        damage: of a photo before it was restored, see ``PhotoDamage``.
        cleaned: share of the cleaned picture that was used, 0 to 1; None where none was asked for.
        repaired: share of the pixels of a photo that were damaged and are repaired; None where that was not asked for.
        mask: path of the picture that shows where.
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
    compare: str | None = None
    frames: int | None = None
    missing_rows: int | None = None
    damage: Mapping[str, object] | None = None
    cleaned: float | None = None
    repaired: float | None = None
    mask: str | None = None
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


class Report(RunRows[ReportItem]):
    """``report.json`` of a running command, see ``RunRows``.

    Args:
        folder: where the report and the pictures lie; it is made.
        command: whose rows these are.
        resume: take over the rows of earlier runs of the command.

    Raises:
        PhotopulseError: if the folder cannot be made, or its log cannot be read.
    """

    def __init__(self, folder: Path, command: str, *, resume: bool) -> None:
        super().__init__(folder, command, "report.json", resume=resume)

    def begin(self, source: Path, output: Path) -> None:
        """Logs that an output is about to be made of an input: whose it is, is known even if the run is killed.

        Raises:
            PhotopulseError: if the log cannot be written.
        """
        begun = ReportItem(input=str(source), output=str(output), status="failed", error="it was interrupted")
        self._log.append([Entry(command=self.command, output=self._name(output), row=_fields(begun))])

    def publish(self, rows: Sequence[ReportItem]) -> None:
        try:
            with atomic_path(self.path) as temporary:
                temporary.write_text(to_json(self.command, rows), encoding="utf-8")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def published(self) -> list[ReportItem]:
        return list(read_finished(self.path, self.command).values())

    def output_of(self, row: ReportItem) -> Path | None:
        return Path(row.output) if row.output and row.status != "failed" else None

    def key_of(self, row: ReportItem) -> str | None:
        return row.key

    def to_fields(self, row: ReportItem) -> dict[str, Any]:
        return _fields(row)

    def from_fields(self, fields: dict[str, Any]) -> ReportItem | None:
        return _item(fields)


def read_finished(path: Path, command: str) -> dict[str, ReportItem]:
    """Returns the rows of what a run of the command finished, by the name of the picture.

    A report that is missing, damaged or of another command counts as none, and so does a damaged row.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != REPORT_VERSION or content["command"] != command:
            return {}
        items = [_item(row) for row in content["items"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return {Path(item.output).name: item for item in items if item and item.output and item.status != "failed"}


def _item(row: object) -> ReportItem | None:
    """Makes a row of what JSON brought; None if a field is missing or of another type."""
    try:
        return from_fields(ReportItem, cast("dict[str, Any]", row)) if isinstance(row, dict) else None
    except TypeError:
        return None
