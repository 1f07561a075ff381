"""``report.json``, the report on an output folder: one row per output."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

from photopulse.files import atomic_path, read_regular
from photopulse.runs.fields import from_fields
from photopulse.runs.json_text import json_text
from photopulse.runs.log import Entry, Log, unwritable
from photopulse.runs.rows import RunRows

REPORT_VERSION = 1
_MAX_BYTES = 512 * 2**20  # Of a report that is read.
ItemStatus = Literal["converged", "not-converged", "aligned", "made", "restored", "failed"]


@dataclass(frozen=True, kw_only=True)
class ReportItem:
    """The row of one output, or of one input that failed. None means that a field does not apply.

    Attributes:
        input: path of the input as given; for a sampled face, its seed.
        output: path of the output; None if there is none.
        status: ``"converged"`` or ``"not-converged"`` after a search, else ``"aligned"``, ``"made"`` (sampled),
            ``"restored"`` or ``"failed"``.
        error: what failed, why, and what to do about it; None if it did not fail.
        key: hash of the input and of all settings; equal keys mean equal outputs.
        doubt: why the result means nothing, although it may have converged: the input shows no face.
        downscale_mse: mean squared error between the downscaled output and the input, white being 1.
        eps: largest error at which a search counts as converged.
        steps: steps of the classic search, or rounds of the fast one.
        full_evaluations: full-size images that the search rendered.
        surface: root mean square of the surface that was added at the end, white being 1.
        diversity: standard deviation over the results for this input in grey levels, see ``metrics.diversity``.
        seconds: time that the item took.
        seed: seed of the result.
        generator: name of the generator.
        method: name of the search method.
        mark: payload of the invisible mark as 8 hex digits; ``"off"`` or ``"too small"`` if there is none.
        signed_by: name in the certificate with which the output is signed; None if it is not.
        size: width and height of the output in px.
        face: number of the face in a photo, from 1.
        quad: corners of the face's square in px of the photo, counterclockwise from the top left one.
        compare: path of the picture that shows input and output side by side.
        frames: number of pictures in a file with several, of which the first was used.
        missing_rows: rows that are missing at the end of a truncated file.
        cut_off: whether the file is truncated; a progressive JPEG may then have all rows, with less detail.
        damage: damage measured in a photo before it was restored, see ``PhotoDamage``.
        mended: damage that was corrected before the photo was cleaned, by stage; the rest of it was left.
        cleaned: share of the cleaned picture in the result, in [0, 1]; None if the photo was not to be cleaned.
        repaired: share of the photo's pixels that were scratched or spotted and were filled; None if the photo was not
            to be repaired.
        mask: path of the picture that is white where the photo was repaired.
        faces: faces of a restored photo, the largest first, each with the fields of ``RestoredFace``; None if no faces
            were searched for.
        stages: seconds by stage of a restoration.
        mode: mode of a restoration.
        fidelity: fidelity with which faces were restored, in [0, 1].
        scale: requested enlargement of a restored photo.
        working_size: longer side in px at which a restored photo was cleaned.
        networks: fingerprints of the networks that restored the photo, by their names.
    """

    input: str
    status: ItemStatus
    output: str | None = None
    error: str | None = None
    key: str | None = None
    doubt: str | None = None
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
    mark: str | None = None
    signed_by: str | None = None
    size: tuple[int, int] | None = None
    face: int | None = None
    quad: tuple[tuple[float, float], ...] | None = None
    compare: str | None = None
    frames: int | None = None
    missing_rows: int | None = None
    cut_off: bool | None = None
    damage: Mapping[str, object] | None = None
    mended: Sequence[str] | None = None
    cleaned: float | None = None
    repaired: float | None = None
    mask: str | None = None
    faces: Sequence[Mapping[str, object]] | None = None
    stages: Mapping[str, float] | None = None
    mode: str | None = None
    fidelity: float | None = None
    scale: float | None = None
    working_size: int | None = None
    networks: Mapping[str, str] | None = None


def exit_code(items: Iterable[ReportItem]) -> int:
    """Returns the exit code of a command: 1 if an item failed, else 3 if a search did not converge, else 0."""
    statuses = {item.status for item in items}
    if "failed" in statuses:
        return 1
    return 3 if "not-converged" in statuses else 0


def to_json(command: str, items: Iterable[ReportItem]) -> str:
    """Returns the report as JSON text, without fields that are None.

    Exceptions are ``output`` and ``error``, and ``faces`` for a restored photo: these are written as null.
    """
    content = {
        "version": REPORT_VERSION,
        "photopulse": version("photopulse"),
        "command": command,
        "items": [_fields(item) for item in items],
    }
    return json_text(content)


def _fields(item: ReportItem) -> dict[str, object]:
    always = ("output", "error", "faces") if item.status == "restored" else ("output", "error")
    fields = {name: value for name, value in asdict(item).items() if value is not None or name in always}
    # JSON has no NaN or infinity.
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }


class Report(RunRows[ReportItem]):
    """``report.json`` of a running command, see ``RunRows``.

    Args:
        folder: folder of the report and the outputs; it is created.
        command: name of the command.
        resume: whether to reuse the rows of earlier runs of the command.

    Raises:
        PhotopulseError: if the folder cannot be made, or its log cannot be read.
    """

    def __init__(self, folder: Path, command: str, *, resume: bool) -> None:
        super().__init__(folder, command, "report.json", resume=resume)

    def begin(self, source: Path, output: Path) -> None:
        """Logs that an output is about to be made from an input, so that its origin is known if the run is killed.

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
    """Reads the rows of finished outputs of a command from a report, by the output's path within the folder.

    The result is empty if the report is missing, damaged or of another command; damaged rows are left out.
    """
    try:
        content = json.loads(read_regular(path, most=_MAX_BYTES))
        if content["version"] != REPORT_VERSION or content["command"] != command:
            return {}
        items = [_item(row) for row in content["items"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    finished = [item for item in items if item is not None and item.status != "failed"]
    return {_place(Path(item.output), path.parent): item for item in finished if item.output}


def results_in(folder: Path, command: str) -> set[Path]:
    """Returns the resolved paths of all pictures that runs of a command wrote into a folder, by its log.

    Raises:
        PhotopulseError: if the log cannot be read.
    """
    found: set[Path] = set()
    for entry in Log(folder).read().values():
        row = _item(entry.row) if entry.command == command else None
        if row is not None and entry.output is not None:
            output = folder / entry.output
            beside = [output.with_name(Path(name).name) for name in (row.compare, row.mask) if name]
            found |= {path.resolve() for path in (output, *beside)}
    return found


def _place(output: Path, folder: Path) -> str:
    """Returns the output's path within the folder; only its name if the folder has been moved since."""
    return output.relative_to(folder).as_posix() if output.is_relative_to(folder) else output.name


def _item(row: object) -> ReportItem | None:
    """Makes a row from a JSON value; None if a field is missing or of another type."""
    try:
        return from_fields(ReportItem, cast("dict[str, Any]", row)) if isinstance(row, dict) else None
    except TypeError:
        return None
