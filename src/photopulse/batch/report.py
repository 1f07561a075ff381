"""The report of a folder of work: a row for each output, kept up to date, so that a rerun goes on."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

from photopulse.files import atomic_path

REPORT_VERSION = 1
ItemStatus = Literal["converged", "not-converged", "aligned", "failed"]


@dataclass(frozen=True, kw_only=True)
class ReportItem:
    """What became of one input, or of one of its answers.

    Attributes:
        input: path as given.
        output: path of the picture, None if there is none.
        status: ``"converged"`` and ``"not-converged"`` (of a search), ``"aligned"`` or ``"failed"``.
        error: what, why and the way out, if it failed.
        key: fingerprint of the input and of all settings; the same key gives the same picture.
        downscale_mse: of the search's picture to the input.
        eps: what it should be at most.
        steps: of the search.
        full_evaluations: full-size images that the search computed.
        seconds: the item took.
        seed: of the answer.
        generator: its name.
        method: of the search.
        size: width and height of the output.
        face: number of the face in a photo, from 1.
        quad: corners of the face's square in the photo, in px, from the top left one counterclockwise.
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
    seconds: float | None = None
    seed: int | None = None
    generator: str | None = None
    method: str | None = None
    size: tuple[int, int] | None = None
    face: int | None = None
    quad: tuple[tuple[float, float], ...] | None = None


def to_json(command: str, items: Iterable[ReportItem]) -> str:
    """Words the report as JSON; fields that do not apply to the command are left out, ``error`` never is."""
    rows = [
        {name: value for name, value in asdict(item).items() if value is not None or name in ("output", "error")}
        for item in items
    ]
    content = {
        "version": REPORT_VERSION,
        "photopulse": version("photopulse"),
        "command": command,
        "items": rows,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_report(path: Path, command: str, items: Iterable[ReportItem]) -> None:
    """Writes ``report.json`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_json(command, items), encoding="utf-8")


def read_finished(path: Path, command: str) -> dict[str, ReportItem]:
    """Returns what an earlier run of the command finished and whose picture is still there, by key.

    A report that is missing, damaged or of another command counts as none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != REPORT_VERSION or content["command"] != command:
            return {}
        rows = cast(Sequence[dict[str, Any]], content["items"])
        items = [ReportItem(**row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {
        item.key: item
        for item in items
        if item.key and item.status != "failed" and item.output and Path(item.output).is_file()
    }


def exit_code(items: Iterable[ReportItem]) -> int:
    """Returns 1 if an item failed, else 3 if one did not reach eps, else 0."""
    statuses = {item.status for item in items}
    if "failed" in statuses:
        return 1
    return 3 if "not-converged" in statuses else 0
