"""Restores many photos: a run can be resumed, and the failure of one photo does not stop the others."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.images.opening import picture_size
from photopulse.images.read import MAX_PIXELS
from photopulse.images.write import check_size
from photopulse.provenance.signing import Signature
from photopulse.restoration.compare import write_comparison
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.names import OutputFormat, OutputNames, mask_beside, output_names, sheet_beside
from photopulse.restoration.repair import write_mask
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import DOING, Stage, Stages
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.keys import arithmetic, key, signed_key
from photopulse.runs.names import canonical, free_output, refuse_to_overwrite
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher

COMMAND = "restore"


@dataclass(frozen=True, kw_only=True)
class RestoreBatchSettings:
    """The settings of a run over many photos; ValueError if there is a mask but nothing is repaired.

    Attributes:
        restore: settings of the restoration of each photo.
        format: file format of the results; None keeps the input's if it can be written, otherwise PNG is used.
        compare: whether a picture of before and after is written, too.
        mask: picture of the photo's size that is white where the photo is damaged; only for a single photo.
        save_mask: whether a picture is written, too, that is white where the photo was repaired.
        resume: whether results of an earlier run with the same settings are kept.
        signature: what the results are signed with; None for no signature.
        overwrite: whether a result overwrites an existing file that is no earlier result of the same photo; if not,
            the result gets the next free name.
    """

    restore: RestoreSettings = field(default_factory=RestoreSettings)
    format: OutputFormat | None = None
    compare: bool = False
    mask: Path | None = None
    save_mask: bool = False
    signature: Signature | None = None
    resume: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.restore.repairs and (self.mask is not None or self.save_mask):
            raise ValueError(
                "a mask tells what is repaired, but these settings repair nothing: leave one of the two out"
            )


def restore_files(
    files: Sequence[Path],
    folder: Path,
    kit: RestoreKit,
    settings: RestoreBatchSettings | None = None,
    watcher: Watcher | None = None,
    *,
    mirrored: Sequence[Path] = (),
) -> list[ReportItem]:
    """Restores all photos into ``folder`` and keeps ``folder/report.json`` up to date.

    Args:
        files: pictures, see ``images.image_files``.
        folder: folder for the results ``<stem>.<suffix>`` and, if asked for, ``<stem>_compare.png``.
        kit: kit from ``RestoreKit.load(settings.restore)``.
        settings: settings of the run; the defaults if None.
        watcher: receives the progress; a step is a photo.
        mirrored: folders whose subfolders are created in the results' folder, too.

    Returns:
        One row for each photo, in the order of the files. If the run is interrupted, also by Ctrl-C, finished photos
        are in the folder's log, and the same call continues from there.

    Raises:
        PhotopulseError: if the folder cannot be written to, if a result would overwrite one of the files, or if one
            mask is given for several photos; nothing is written then.
    """
    # Check the names before anything is written.
    settings = settings or RestoreBatchSettings()
    if settings.mask is not None and not settings.mask.is_file():
        raise PhotopulseError(
            f"cannot read the mask {settings.mask}", why="there is no such file", fix="check its path"
        )
    if settings.mask is not None and len(files) > 1:
        raise PhotopulseError(
            f"cannot repair {len(files)} photos by the mask {settings.mask}",
            why="it shows where one photo is damaged",
            fix="restore photos that have a mask one at a time",
        )
    names = output_names(files, folder, settings.format, compare=settings.compare, mirrored=mirrored)
    _refuse_to_overwrite_inputs(names)
    return _Run(folder, kit, settings, watcher or Watcher()).all(names)


def _refuse_to_overwrite_inputs(names: Sequence[OutputNames]) -> None:
    inputs = {canonical(one.source) for one in names}
    for one in names:
        for path in (one.output, one.compare or one.output):
            refuse_to_overwrite(path, inputs)


class _Run:
    """One run over the files."""

    def __init__(self, folder: Path, kit: RestoreKit, settings: RestoreBatchSettings, watcher: Watcher) -> None:
        self._report = Report(folder, COMMAND, resume=settings.resume)
        self._kit = kit
        self._settings = settings
        self._watcher = watcher
        self._run_key = signed_key(key(settings.restore, kit.fingerprints, arithmetic()), settings.signature)
        # Earlier results by their photos, and the paths that this run has used.
        self._mine = {
            canonical(Path(row.input)): output
            for output, row in self._report.earlier_outputs.items()
            if row.output and _is_file(output)
        }
        self._used: set[str] = set()

    def all(self, names: Sequence[OutputNames]) -> list[ReportItem]:
        with self._report as report:
            taken = {canonical(one.output) for one in names}
            self._watcher.start("restoring", len(names))
            for place, wanted in enumerate(names):
                one = wanted if self._settings.overwrite else self._beside_others(wanted, taken)
                self._used.add(canonical(one.output))
                row, resumed = self._row(one, place)
                (report.keep if resumed else report.add)(place, row)
                self._watcher.end(row, resumed=resumed)
                self._watcher.step(place + 1)
        return report.items

    def _beside_others(self, names: OutputNames, taken: set[str]) -> OutputNames:
        """Returns names that overwrite nothing but an earlier result of the same photo."""
        # An earlier result keeps its name; others get the next free one.
        mine = self._mine.get(canonical(names.source))
        fits = mine is not None and (mine.suffix, mine.parent) == (names.output.suffix, names.output.parent)
        if mine is not None and fits and canonical(mine) not in self._used:
            output = mine
        else:
            output = free_output(
                names.output,
                names.source.stem,
                taken | self._used,
                lambda output: self._is_own(output, names.source),
            )
        return replace(names, output=output, compare=None if names.compare is None else self._sheet(names, output))

    def _sheet(self, names: OutputNames, output: Path) -> Path:
        """Returns the comparison's path: the earlier one of this result, otherwise one that overwrites nothing."""
        row = self._report.earlier(output)
        if row is not None and row.compare is not None:
            return output.with_name(Path(row.compare).name)
        wanted = names.compare if names.compare is not None and output == names.output else sheet_beside(output)
        return free_output(wanted, wanted.stem, set(), lambda _path: False)

    def _is_own(self, output: Path, source: Path) -> bool:
        """Returns whether the file is a result of this photo, or of equal content with the same settings."""
        row = self._report.earlier(output)
        if row is None:
            return False
        if canonical(Path(row.input)) == canonical(source):
            return True
        with suppress(*FAILURES):
            return row.key == self._key(source)
        return False

    def _key(self, source: Path) -> str:
        return key(self._run_key, source, self._settings.mask)

    def _row(self, names: OutputNames, place: int) -> tuple[ReportItem, bool]:
        """Returns the photo's row, and whether it is kept from an earlier run."""
        try:
            photo_key = self._key(names.source)
            mask = self._mask_path(names.output) if self._settings.save_mask else None
            done = self._report.finished(names.output, photo_key)
            if done is not None and all(beside is None or beside.is_file() for beside in (names.compare, mask)):
                return replace(done, input=str(names.source), output=str(names.output)), True
            self._report.begin(names.source, names.output)
            return self._restored(names, photo_key, place, mask), False
        except FAILURES as error:
            return ReportItem(input=str(names.source), status="failed", error=_told(names.source, error)), False

    def _mask_path(self, output: Path) -> Path:
        """Returns the mask's path: the earlier one of this result, otherwise one that overwrites nothing."""
        row = self._report.earlier(output)
        if row is not None and row.mask is not None:
            return output.with_name(Path(row.mask).name)
        wanted = mask_beside(output)
        return free_output(wanted, wanted.stem, set(), lambda _path: False)

    def _restored(self, names: OutputNames, photo_key: str, place: int, mask: Path | None) -> ReportItem:
        def on_stage(stage: Stage) -> None:
            self._watcher.step(place, doing=f"{names.source.name}: {DOING[stage]}")

        # Restore the photo.
        settings, started = self._settings.restore, time.perf_counter()
        check_size(names.output, _final_size(names.source, settings))
        photo = restore_photo(
            names.source, mask=self._settings.mask, settings=settings, kit=self._kit, on_stage=on_stage
        )
        stages = Stages(on_stage)
        with stages.stage("write"):
            # The result is written first, so that a failure of the comparison does not lose it.
            photo.save(
                names.output,
                source=names.source.name,
                signature=self._settings.signature,
                opened=names.source,
            )
            if names.compare is not None:
                write_comparison(names.compare, names.source, photo)
            if mask is not None and photo.mask is not None:
                write_mask(mask, photo.mask)
        # Record what was done.
        seconds = photo.seconds | stages.seconds
        return ReportItem(
            input=str(names.source),
            output=str(names.output),
            status="restored",
            key=photo_key,
            seconds=round(time.perf_counter() - started, 3),
            size=photo.size,
            signed_by=None if self._settings.signature is None else self._settings.signature.name,
            compare=None if names.compare is None else str(names.compare),
            frames=photo.photo.frames if photo.photo.frames > 1 else None,
            missing_rows=photo.photo.missing_rows or None,
            cut_off=photo.photo.cut_off or None,
            damage=asdict(photo.damage),
            mended=photo.mended,
            cleaned=None if photo.cleaned is None else round(photo.cleaned, 3),
            repaired=None if photo.repaired is None else round(photo.repaired, 5),
            mask=None if mask is None else str(mask),
            faces=None if photo.faces is None else [asdict(face) for face in photo.faces],
            stages={stage: round(taken, 3) for stage, taken in seconds.items()},
            mode=settings.mode,
            fidelity=settings.fidelity,
            scale=settings.scale if settings.size is None else None,
            working_size=settings.working_size,
            networks=self._kit.fingerprints,
        )


def _is_file(path: Path) -> bool:
    with suppress(OSError):
        return path.is_file()
    return False


def _final_size(source: Path, settings: RestoreSettings) -> tuple[int, int]:
    """Returns the width and height of the result; they can be swapped if the camera was turned by a right angle."""
    width, height = picture_size(source, max_pixels=MAX_PIXELS)
    return settings.size or (round(width * settings.scale), round(height * settings.scale))


def _told(source: Path, error: BaseException) -> str:
    """Returns the message of an error, with the photo's name."""
    return reason(error) if isinstance(error, PhotopulseError) else f"cannot restore {source}: {reason(error)}"
