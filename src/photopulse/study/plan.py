"""A study as it is planned: the pictures, and what each rater sees in which order. It lies in `study.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from photopulse.errors import PhotopulseError, file_errors
from photopulse.files import read_regular
from photopulse.runs.fields import from_fields
from photopulse.runs.sidecar import write_json
from photopulse.study.settings import Kind

ORIGINAL = "original"
"""Name of the originals among the methods: the hidden reference."""

PLAN_NAME = "study.json"
PICTURES = "pictures"
_VERSION = 1
_MAX_BYTES = 128 * 2**20  # A trial takes about 100 bytes.

Role = Literal["training", "rating", "repeat", "gold"]
"""Why a trial is shown: as an example, to be rated, to be rated a second time, or because its answer is known."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a study.

    Attributes:
        id: name of its file without the extension; it tells nothing of the method.
        face: name of the face, the same for all methods.
        method: name of the method, or ``ORIGINAL``.
    """

    id: str
    face: str
    method: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a rater sees at a time.

    Attributes:
        role: why it is shown; raters are told only of training.
        pictures: ids of one picture, or of the left and the right one.
        right: answers that are right, for training and gold; empty where there is no right answer.
    """

    role: Role
    pictures: tuple[str, ...]
    right: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study.

    Answers are 1 to 5 in a study of the kind mos, and 1 (left) or 2 (right) in the others.

    Attributes:
        version: version of the file.
        kind: what raters are asked.
        title: heading of the page.
        instructions: text that raters read first.
        consent: text that raters agree to.
        size: width and height of the pictures in px; None if they differ.
        seed: seed of all that is random.
        methods: names of the methods that are rated, in the order of tables.
        pictures: all pictures.
        seats: the trials of each rater, in their order.
    """

    version: int
    kind: Kind
    title: str
    instructions: str
    consent: str
    size: tuple[int, int] | None
    seed: int
    methods: tuple[str, ...]
    pictures: tuple[Picture, ...]
    seats: tuple[tuple[Trial, ...], ...]

    @property
    def answers(self) -> tuple[int, ...]:
        """All answers that can be given."""
        return (1, 2, 3, 4, 5) if self.kind == "mos" else (1, 2)

    @cached_property
    def by_id(self) -> Mapping[str, Picture]:
        """The pictures by their ids."""
        return {picture.id: picture for picture in self.pictures}


def write_plan(folder: Path, study: Study) -> None:
    """Writes ``study.json`` into a folder; PhotopulseError if it cannot be written."""
    write_json(folder / PLAN_NAME, asdict(study))


def read_plan(folder: Path) -> Study:
    """Reads the study of a folder.

    Raises:
        PhotopulseError: if there is none, or its file is damaged or was made by a later version.
    """
    path = folder / PLAN_NAME
    what, fix = f"cannot read {path}", "name the folder of a study, which `photopulse study make` makes"
    with file_errors(what, fix=fix):
        text = read_regular(path, most=_MAX_BYTES)
    try:
        content: object = json.loads(text)
        if not isinstance(content, dict):
            raise TypeError("it holds no object")
        return _checked(from_fields(Study, cast("dict[str, Any]", content)))
    except (ValueError, TypeError, RecursionError) as error:
        raise PhotopulseError(what, why=f"it is no study: {error}", fix=fix) from error


def make_plan(**fields: Any) -> Study:
    """Returns a study of the version that this code writes."""
    return Study(version=_VERSION, **fields)


def _checked(study: Study) -> Study:
    """Returns the study; ValueError if a trial shows what is not there, or an id could be the path of another file."""
    if study.version != _VERSION:
        raise ValueError(f"it has the version {study.version}, not {_VERSION}")
    if not all(picture.id.isascii() and picture.id.isalnum() for picture in study.pictures):
        raise ValueError("ids of pictures are letters and digits")
    many = 1 if study.kind == "mos" else 2
    for trial in (trial for trials in study.seats for trial in trials):
        if len(trial.pictures) != many or not set(trial.pictures) <= study.by_id.keys():
            raise ValueError("a trial shows pictures that are not there")
    return study
