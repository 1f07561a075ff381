"""Restores many photos: a run can be resumed, and the failure of one photo does not stop the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.names import OutputNames, mask_beside, output_names, sheet_beside
from photopulse.restoration.worker import Restorers, RestoreTask, RestoreWorker, failed
from photopulse.runs.executor import Executor, InProcess, Lost
from photopulse.runs.failures import FAILURES
from photopulse.runs.keys import key, signed_key
from photopulse.runs.names import canonical, free_output, refuse_to_overwrite
from photopulse.runs.overall import Overall
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher

COMMAND = "restore"


def restore_files(
    files: Sequence[Path],
    folder: Path,
    kit: RestoreKit | Restorers,
    settings: RestoreBatchSettings | None = None,
    watcher: Watcher | None = None,
    *,
    mirrored: Sequence[Path] = (),
    more: Iterable[Sequence[Path]] = (),
) -> list[ReportItem]:
    """Restores all photos into ``folder`` and keeps ``folder/report.json`` up to date.

    Args:
        files: pictures, see ``images.image_files``.
        folder: folder for the results ``<stem>.<suffix>`` and, if asked for, ``<stem>_compare.png``.
        kit: kit from ``RestoreKit.load(settings.restore)``, or workers that have loaded one each.
        settings: settings of the run; the defaults if None.
        watcher: receives the progress; a step is a photo.
        mirrored: folders whose subfolders are created in the results' folder, too.
        more: lists of files that come while the run goes on, see ``runs.watch``; an empty list says that none has come.

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

    def named(new: Sequence[Path], all_files: Sequence[Path]) -> list[OutputNames]:
        names = output_names(all_files, folder, settings.format, compare=settings.compare, mirrored=mirrored)
        _refuse_to_overwrite_inputs(names)
        return names[len(names) - len(new) :]

    first = named(files, files)
    restorers = kit if isinstance(kit, Executor) else InProcess(RestoreWorker(kit))
    return _Run(folder, restorers, settings, watcher or Watcher()).all(chain([first], _named_later(files, more, named)))


def _named_later(
    files: Sequence[Path],
    more: Iterable[Sequence[Path]],
    named: Callable[[Sequence[Path], Sequence[Path]], list[OutputNames]],
) -> Iterator[list[OutputNames]]:
    """Yields the names of the files that come later, unlike those of all before; an empty list where none has come."""
    known = list(files)
    for new in more:
        known += new
        yield named(new, known) if new else []


def _refuse_to_overwrite_inputs(names: Sequence[OutputNames]) -> None:
    inputs = {canonical(one.source) for one in names}
    for one in names:
        for path in (one.output, one.compare or one.output):
            refuse_to_overwrite(path, inputs)


class _Run:
    """One run over the files."""

    def __init__(self, folder: Path, restorers: Restorers, settings: RestoreBatchSettings, watcher: Watcher) -> None:
        self._report = Report(folder, COMMAND, resume=settings.resume)
        self._restorers = restorers
        self._settings = settings
        self._watcher = watcher
        facts = restorers.facts
        self._run_key = signed_key(key(settings.restore, facts.fingerprints, facts.arithmetic), settings.signature)
        # Earlier results by their photos, and the paths that this run has used or wants.
        self._mine = {
            canonical(Path(row.input)): output
            for output, row in self._report.earlier_outputs.items()
            if row.output and _is_file(output)
        }
        self._used: set[str] = set()
        self._taken: set[str] = set()
        self._places = count()

    def all(self, names: Iterator[list[OutputNames]]) -> list[ReportItem]:
        with self._report as report:
            first = next(names)
            shown = Overall(self._watcher, "restoring", len(first))
            for task, done in self._restorers.run(self._plan(first, names, shown), shown):
                row = _lost(task, done) if isinstance(done, Lost) else done
                report.add(task.place, row)
                _finished(row, shown)
        return report.items

    def _plan(
        self, first: list[OutputNames], more: Iterator[list[OutputNames]], shown: Overall
    ) -> Iterator[RestoreTask | None]:
        """Yields the photos that are left, None where there is none now; adds the rows of all that need no worker."""
        yield from self._left(first, shown)
        for names in more:
            if names:
                shown.more(len(names))
                yield from self._left(names, shown)
            else:
                yield None

    def _left(self, names: Sequence[OutputNames], shown: Overall) -> Iterator[RestoreTask]:
        """Yields the photos that are left, and adds the rows of those that an earlier run finished or that fail now."""
        self._taken |= {canonical(one.output) for one in names}
        for wanted in names:
            place = next(self._places)
            one = wanted if self._settings.overwrite else self._beside_others(wanted, self._taken)
            self._used.add(canonical(one.output))
            planned = self._planned(one, place)
            if isinstance(planned, RestoreTask):
                yield planned
                continue
            row, resumed = planned
            (self._report.keep if resumed else self._report.add)(place, row)
            _finished(row, shown, resumed=resumed)

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

    def _planned(self, names: OutputNames, place: int) -> RestoreTask | tuple[ReportItem, bool]:
        """Returns what is to be done with a photo, or its row and whether that is kept from an earlier run."""
        try:
            photo_key = self._key(names.source)
            mask = self._mask_path(names.output) if self._settings.save_mask else None
            done = self._report.finished(names.output, photo_key)
            if done is not None and all(beside is None or beside.is_file() for beside in (names.compare, mask)):
                return replace(done, input=str(names.source), output=str(names.output)), True
            self._report.begin(names.source, names.output)
            return RestoreTask(place=place, names=names, mask=mask, key=photo_key, settings=self._settings)
        except FAILURES as error:
            return failed(names.source, error), False

    def _mask_path(self, output: Path) -> Path:
        """Returns the mask's path: the earlier one of this result, otherwise one that overwrites nothing."""
        row = self._report.earlier(output)
        if row is not None and row.mask is not None:
            return output.with_name(Path(row.mask).name)
        wanted = mask_beside(output)
        return free_output(wanted, wanted.stem, set(), lambda _path: False)


def _finished(row: ReportItem, shown: Overall, *, resumed: bool = False) -> None:
    shown.end(row, resumed=resumed)
    shown.finished()


def _lost(task: RestoreTask, lost: Lost) -> ReportItem:
    source = task.names.source
    fix = "use fewer --workers or a smaller photo if the memory is full, and run again"
    return failed(source, PhotopulseError(f"cannot restore {source}", why=lost.why, fix=fix))


def _is_file(path: Path) -> bool:
    with suppress(OSError):
        return path.is_file()
    return False
