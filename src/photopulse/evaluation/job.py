"""One method on one small face: enlarge, keep the picture, measure it at each size, remember both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from photopulse.evaluation.measuring import Measured, Meter
from photopulse.evaluation.method import CurvePoint, Method
from photopulse.evaluation.ordering import ORIGINAL
from photopulse.evaluation.record import Record, read_record, write_record
from photopulse.evaluation.rows import Row
from photopulse.evaluation.sets import Traits
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.evaluation.skin import SkinFinder
from photopulse.images import read_image, write_image
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.keys import key

_FIGURES = tuple(field.name for field in fields(Measured) if field.name not in {"niqe_blocks", "features"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture to make, and the sizes at which it is measured.

    Attributes:
        image: name of the picture.
        condition: name of the corruption.
        method: its text; ``ORIGINAL`` is the sharp face itself.
        sizes: to measure at; the method makes one picture for all of them.
        sharp: file of the sharp face.
        small: file of the small face.
        output: where the picture goes, PNG; nothing is written there for the sharp face.
    """

    image: str
    condition: str
    method: str
    sizes: tuple[int, ...]
    sharp: Path
    small: Path
    output: Path

    @property
    def name(self) -> str:
        """What progress calls it."""
        return f"{self.image}, {self.condition}, {self.method} {max(self.sizes)} px"

    @property
    def picture(self) -> Path:
        """The file that is measured."""
        return self.sharp if self.method == ORIGINAL else self.output


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        rows: one a size.
        curve: of a search.
        error: why it failed.
        resumed: an earlier run made and measured the picture.
    """

    rows: tuple[Row, ...]
    curve: tuple[CurvePoint, ...] = ()
    error: str | None = None
    resumed: bool = False


class Bench:
    """Runs jobs, one after the other. Methods load at their first use, the metrics' networks at once.

    Args:
        settings: of the evaluation.
        methods: from ``settings.make_methods``.

    Raises:
        PhotopulseError: if a metric's network cannot be loaded.
    """

    def __init__(self, settings: EvaluateSettings, methods: Mapping[str, Method]) -> None:
        self._settings = settings
        self._methods = methods
        self._fingerprints: dict[str, str] = {}
        self._meter = Meter.load(
            degradation=settings.degradation,
            perceptual=settings.perceptual,
            identity=settings.identity,
            faces=settings.faces,
            lpips=settings.lpips,
        )
        self._skin = None if self._meter.detector is None else SkinFinder(self._meter.detector, side=settings.small)
        self._measures = self._meter.fingerprint()

    def run(self, job: Job) -> Outcome:
        """Does what of a job no earlier run did; what fails becomes its rows."""
        try:
            return self._run(job)
        except FAILURES as error:
            why = reason(error)
            rows = tuple(self._row(job, size, Measured(), Record(), error=why) for size in job.sizes)
            return Outcome(rows=rows, error=why)

    def _run(self, job: Job) -> Outcome:
        picture_key, metric_key = self._picture_key(job), self._metric_key(job)
        sidecar = job.output.with_suffix(".json")
        record = self._earlier(job, sidecar, picture_key)
        if record is None:
            record = self._make(job, sidecar, picture_key)
        todo = [size for size in job.sizes if record.measured.get(size, ("",))[0] != metric_key]
        if todo:
            measured = {size: (metric_key, values) for size, values in self._measure(job, todo).items()}
            record = replace(record, measured=record.measured | measured)
            write_record(sidecar, picture_key, record)
        return Outcome(
            rows=tuple(self._row(job, size, record.measured[size][1], record) for size in job.sizes),
            curve=record.curve,
            resumed=not todo,
        )

    def _earlier(self, job: Job, sidecar: Path, picture_key: str) -> Record | None:
        """Returns what an earlier run made, if it is what is wanted now."""
        if not self._settings.resume or not job.picture.is_file():
            return None
        record = read_record(sidecar, picture_key)
        if record is not None and self._settings.curves and record.converged is not None and not record.curve_wanted:
            return None
        return record

    def _make(self, job: Job, sidecar: Path, picture_key: str) -> Record:
        if job.method == ORIGINAL:
            return Record()
        method = self._methods[job.method]
        made = method(read_image(job.small).pixels, job.sizes[0], self._settings.seed)
        # Beside the old sidecar the new picture would pass for the old one, if we were stopped in between.
        sidecar.unlink(missing_ok=True)
        write_image(job.output, made.image, metadata=made.metadata)
        record = Record(
            seconds=made.seconds,
            converged=made.converged,
            curve=made.curve,
            curve_wanted=self._settings.curves,
        )
        write_record(sidecar, picture_key, record)
        return record

    def _measure(self, job: Job, sizes: Sequence[int]) -> dict[int, Measured]:
        """Measures the picture as it was written, so that a later run measures the same."""
        sharp, small = read_image(job.sharp).pixels, read_image(job.small).pixels
        image, reference = (sharp, None) if job.method == ORIGINAL else (read_image(job.output).pixels, sharp)
        skin = None if self._skin is None else self._skin.coverage(job.sharp)
        return {size: self._meter.measure(image, small=small, sharp=reference, size=size, skin=skin) for size in sizes}

    def _picture_key(self, job: Job) -> str:
        if job.method == ORIGINAL:
            return key(ORIGINAL, job.small)
        if job.method not in self._fingerprints:
            self._fingerprints[job.method] = self._methods[job.method].fingerprint()
        return key(self._fingerprints[job.method], job.output.parent.name, self._settings.seed, job.small)

    def _metric_key(self, job: Job) -> str:
        return key("measured", self._measures, job.sharp)

    def _row(self, job: Job, size: int, values: Measured, record: Record, *, error: str | None = None) -> Row:
        return Row(
            image=job.image,
            condition=job.condition,
            method=job.method,
            size=size,
            small=self._settings.small,
            seconds=record.seconds,
            converged=record.converged,
            error=error,
            traits=Traits(niqe_blocks=values.niqe_blocks, features=values.features),
            **{name: getattr(values, name) for name in _FIGURES},
        )
