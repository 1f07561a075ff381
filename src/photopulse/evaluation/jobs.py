"""Plans the jobs of an evaluation: which method gets which input, and where its result is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photopulse.degrade import folder_name
from photopulse.errors import PhotopulseError
from photopulse.evaluation.inputs import Subject
from photopulse.evaluation.measure import Value
from photopulse.evaluation.method import Enlarger, Method, Size
from photopulse.evaluation.places import FacePlace
from photopulse.evaluation.records import CurvePoint, Row
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.summaries import ORIGINAL

View = int | Literal["whole", "face"]
"""How a result is measured: downscaled to a side in px, as a whole photo, or only its face."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One result to make, and the views in which it is measured.

    Attributes:
        image: name of the picture.
        condition: name of the corruption, or level of damage.
        method: name of the method; ``ORIGINAL`` stands for the original itself.
        views: views to measure; the method makes one result for all of them.
        size: width and height in px that the method must produce.
        sharp: file of the original.
        given: file of the method's input.
        output: PNG file of the result; not written for ``ORIGINAL``.
        small: side of the small face in px; None for a photo.
        face: place of the face in a photo; None if there is none, and for aligned faces.
    """

    image: str
    condition: str
    method: str
    views: tuple[View, ...]
    size: Size
    sharp: Path
    given: Path
    output: Path
    small: int | None = None
    face: FacePlace | None = None

    @property
    def name(self) -> str:
        """Name of the job in reports of progress."""
        size = "" if self.small is None else f" {max(self.size)} px"
        return f"{self.image}, {self.condition}, {self.method}{size}"

    @property
    def picture(self) -> Path:
        """File that is measured."""
        return self.sharp if self.method == ORIGINAL else self.output

    def row(self, view: View, values: Mapping[str, Value | None], error: str | None = None) -> Row:
        """Returns the row of one view with its values; the face of a photo has a condition of its own."""
        return Row(
            image=self.image,
            condition=f"{self.condition}, face" if view == "face" else self.condition,
            method=self.method,
            size=view if isinstance(view, int) else None,
            small=self.small,
            values={name: value for name, value in values.items() if isinstance(value, int | float)},
            error=error,
            traits={name: value for name, value in values.items() if isinstance(value, list)},
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Outcome of a job.

    Attributes:
        rows: one row per view.
        curve: course of the search; empty if none was recorded.
        error: reason for which the job failed; None if it did not.
        resumed: whether an earlier run made and measured the picture.
    """

    rows: tuple[Row, ...]
    curve: tuple[CurvePoint, ...] = ()
    error: str | None = None
    resumed: bool = False


Plan = tuple[list[Job], list[str]]
"""The jobs, and messages on what is left out. The originals come first, then the jobs of one method after the other, so
that the first methods can soon be compared."""


def plan_faces(
    subjects: Sequence[Subject], folder: Path, settings: EvaluateSettings, methods: Mapping[str, Enlarger]
) -> Plan:
    """Plans the jobs of small faces, with results in ``folder/<condition>/<method>/<side>/<stem>.png``.

    Raises:
        PhotopulseError: if the generator of a search cannot be loaded.
    """
    jobs = list(_face_jobs(ORIGINAL, {ORIGINAL: settings.sizes}, subjects, folder, settings))
    notes: list[str] = []
    for text, method in methods.items():
        sides = _sides(method, settings)
        left_out = [size for size in settings.sizes if not any(size in sizes for sizes in sides.values())]
        if left_out:
            words = " and ".join(map(str, left_out))
            notes.append(f"{text} is left out at {words} px: it does not enlarge {settings.small} px to that")
        places = {f"{_folder(text)}/{side}": sizes for side, sizes in sides.items()}
        jobs += _face_jobs(text, places, subjects, folder, settings)
    return jobs, notes


def plan_photos(
    subjects: Sequence[Subject], folder: Path, settings: EvaluateSettings, methods: Mapping[str, Method]
) -> Plan:
    """Plans the jobs of damaged photos, with results in ``folder/<level>/<method>/<stem>.png``.

    Real-ESRGAN, which is no part of photopulse, is left out where its weights cannot be had.
    """
    texts, notes = [ORIGINAL], list[str]()
    for text, method in methods.items():
        try:
            if text == "realesrgan":
                method.fingerprint()
            texts.append(text)
        except PhotopulseError as error:
            notes.append(f"{text} is left out: {error}")
    return [job for text in texts for job in _photo_jobs(text, subjects, folder, settings)], notes


def _folder(method: str) -> str:
    return method.replace(":", "-")


def _sides(method: Enlarger, settings: EvaluateSettings) -> dict[int, tuple[int, ...]]:
    """Returns the sides of the results that a method must make, each with the sizes at which it is measured."""
    sides: dict[int, tuple[int, ...]] = {}
    for size in settings.sizes:
        native = method.native_size(settings.small, size)
        if native is not None:
            sides[native] = (*sides.get(native, ()), size)
    return sides


def _face_jobs(
    method: str,
    places: Mapping[str, tuple[int, ...]],
    subjects: Sequence[Subject],
    folder: Path,
    settings: EvaluateSettings,
) -> Iterator[Job]:
    """Yields the jobs of a method; ``places`` maps a subfolder of each condition to the sizes to measure there."""
    for condition in settings.conditions:
        for place, sizes in places.items():
            for subject in subjects[: settings.limit(method)]:
                yield Job(
                    image=subject.image,
                    condition=condition.name,
                    method=method,
                    views=sizes,
                    size=(sizes[0], sizes[0]),
                    sharp=subject.sharp,
                    given=subject.given[condition.name],
                    output=folder / folder_name(condition) / place / f"{subject.image}.png",
                    small=settings.small,
                )


def _photo_jobs(method: str, subjects: Sequence[Subject], folder: Path, settings: EvaluateSettings) -> Iterator[Job]:
    for level in settings.restore:
        for subject in subjects[: settings.limit(method)]:
            yield Job(
                image=subject.image,
                condition=level,
                method=method,
                views=("whole",) if subject.face is None else ("whole", "face"),
                size=subject.size,
                sharp=subject.sharp,
                given=subject.given[level],
                output=folder / level / _folder(method) / f"{subject.image}.png",
                face=subject.face,
            )
