"""The rows of a run: which are taken over, when they are published, and what a kill leaves."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from photopulse.errors import PhotopulseError
from photopulse.runs import rows as module
from photopulse.runs.log import Log
from photopulse.runs.report import Report, ReportItem


def item(output: Path, key: str = "key", status: str = "restored") -> ReportItem:
    return ReportItem(input=f"{output.stem}.jpg", output=str(output), status=status, key=key)  # pyright: ignore[reportArgumentType]


def make(folder: Path, *names: str, key: str = "key", command: str = "restore") -> None:
    """A run that makes pictures and ends well."""
    with Report(folder, command, resume=True) as report:
        for place, name in enumerate(names):
            report.finished(folder / name, key)
            (folder / name).write_text(f"{command} {key}")
            report.add(place, item(folder / name, key))


def is_finished(folder: Path, name: str, key: str = "key", command: str = "restore") -> bool:
    """Asks as a rerun would, without a trace."""
    log = Log(folder).path
    before = log.read_bytes()
    found = Report(folder, command, resume=True).finished(folder / name, key) is not None
    log.write_bytes(before)
    return found


def published(folder: Path) -> list[str]:
    return [Path(row["output"]).name for row in json.loads((folder / "report.json").read_text())["items"]]


def test_runs_of_other_inputs_are_not_forgotten(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    make(tmp_path, "c.png")
    assert published(tmp_path) == ["c.png"]
    assert all(is_finished(tmp_path, name) for name in ("a.png", "b.png", "c.png"))


def test_a_picture_that_another_run_overwrote_is_not_finished(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    make(tmp_path, "a.png", key="other")
    assert not is_finished(tmp_path, "a.png")
    assert is_finished(tmp_path, "a.png", key="other")
    assert is_finished(tmp_path, "b.png")


def test_a_picture_that_another_command_overwrote_is_not_finished(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", command="upscale")
    make(tmp_path, "a.png", command="restore")
    assert not is_finished(tmp_path, "a.png", command="upscale")
    assert is_finished(tmp_path, "a.png", command="restore")
    assert is_finished(tmp_path, "b.png", command="upscale")


def test_a_picture_is_not_taken_for_the_one_before_if_the_run_is_killed_before_its_row(tmp_path: Path) -> None:
    for resume in (True, False):
        make(tmp_path, "a.png", "b.png")
        report = Report(tmp_path, "restore", resume=resume)
        assert report.finished(tmp_path / "a.png", "other") is None
        (tmp_path / "a.png").write_text("other")
        assert not is_finished(tmp_path, "a.png")
        assert is_finished(tmp_path, "b.png")


def test_without_resuming_nothing_is_finished_but_what_is_not_met_is_kept(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    with Report(tmp_path, "restore", resume=False) as report:
        assert report.finished(tmp_path / "a.png", "key") is None
        report.add(0, item(tmp_path / "a.png"))
    assert is_finished(tmp_path, "a.png")
    assert is_finished(tmp_path, "b.png")


def test_a_row_whose_picture_stays_because_making_it_again_fails_is_not_forgotten(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", "c.png")
    with Report(tmp_path, "restore", resume=True) as report:
        for place, name in enumerate(("a.png", "b.png", "c.png")):
            assert report.finished(tmp_path / name, "other") is None
            report.begin(tmp_path / "in.jpg", tmp_path / name)
            if name == "b.png":  # It was replaced before the failure.
                (tmp_path / name).write_text("half of what was to be made")
            report.add(place, ReportItem(input="in.jpg", status="failed", error="no face"))
    assert is_finished(tmp_path, "a.png")
    assert not is_finished(tmp_path, "b.png")

    def interrupted() -> None:
        with Report(tmp_path, "restore", resume=False) as report:
            report.finished(tmp_path / "c.png", "key")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert is_finished(tmp_path, "c.png")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n and no end"])
def test_a_picture_that_is_empty_or_cut_is_made_again(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, "a.png", "b.png")
    (tmp_path / "a.png").write_bytes(content)
    assert not is_finished(tmp_path, "a.png")
    assert is_finished(tmp_path, "b.png")


def test_what_a_killed_run_left_half_written_is_removed_by_the_next(tmp_path: Path) -> None:
    for name, age in ((".photopulse-0123abcd-a.png", 7200), (".photopulse-0123abcd-b.png", 60), (".other", 7200)):
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    make(tmp_path, "a.png")
    left = {file.name for file in tmp_path.iterdir()} - {"a.png", "report.json", ".photopulse.jsonl"}
    assert left == {".photopulse-0123abcd-b.png", ".other"}


def test_failed_rows_are_logged_but_not_finished(tmp_path: Path) -> None:
    with Report(tmp_path, "restore", resume=True) as report:
        report.add(0, ReportItem(input="a.jpg", status="failed", error="no face"))
    (line,) = Log(tmp_path).path.read_text().splitlines()
    assert json.loads(line)["row"]["error"] == "no face"
    assert not is_finished(tmp_path, "a.png")


def test_a_folder_that_was_moved_is_still_finished_and_then_its_own(tmp_path: Path) -> None:
    make(tmp_path / "old", "a.png")
    (tmp_path / "old").rename(tmp_path / "new")
    assert is_finished(tmp_path / "new", "a.png")


def test_rows_of_pictures_that_are_gone_are_not_published_by_a_run_that_is_stopped(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "b.png").unlink()
    with pytest.raises(KeyboardInterrupt), Report(tmp_path, "restore", resume=True):
        raise KeyboardInterrupt
    assert published(tmp_path) == ["a.png", "c.png"]


def test_what_ends_the_run_is_heard_even_if_the_report_cannot_be_written(tmp_path: Path) -> None:
    def run() -> None:
        with Report(tmp_path / "out", "restore", resume=True):
            (tmp_path / "out").rmdir()
            (tmp_path / "out").write_text("a file")
            raise PhotopulseError("the end", why="it is over", fix="none")

    with pytest.raises(PhotopulseError, match="the end"):
        run()


class Counting(Report):
    """Counts how often it is published, by a clock that stands still until it is moved; publishing takes time too."""

    def __init__(self, folder: Path, clock: SimpleNamespace, takes: float) -> None:
        super().__init__(folder, "restore", resume=True)
        self.clock = clock
        self.takes = takes
        self.published_at: list[float] = []

    def publish(self, rows: object) -> None:
        self.published_at.append(self.clock.now)
        self.clock.now += self.takes


@pytest.mark.parametrize(("takes", "between"), [(0.0, 5.0), (0.25, 5.0), (1.0, 20.0)])
def test_the_report_is_published_every_few_seconds_and_takes_little_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: float, between: float
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    report = Counting(tmp_path, clock, takes)
    for place in range(1000):
        report.add(place, item(tmp_path / f"{place}.png"))
        clock.now += 0.125
    gaps = [after - before - takes for before, after in zip(report.published_at, report.published_at[1:], strict=False)]
    assert report.published_at[0] == 100.0
    assert len(gaps) >= 5
    assert all(between <= gap < between + 0.25 for gap in gaps)


KILLED = """
import os, signal, sys
from pathlib import Path
from photopulse.runs.report import Report, ReportItem

folder = Path(sys.argv[1])
with Report(folder, "restore", resume=True) as report:
    for place in range(50):
        output = folder / f"{place}.png"
        output.write_text("picture")
        report.add(place, ReportItem(input=f"{place}.jpg", output=str(output), status="restored", key="key"))
    with (folder / ".photopulse.jsonl").open("a") as stream:
        stream.write('{"command": "restore", "output": "50.png", "row": {"key": "ke')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_in_the_middle_of_a_line_has_lost_nothing(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == -9
    (tmp_path / "50.png").write_text("picture")
    with Report(tmp_path, "restore", resume=True) as report:
        for place in range(51):
            output = tmp_path / f"{place}.png"
            row = report.finished(output, "key")
            assert (row is None) == (place == 50)
            (report.add if row is None else report.keep)(place, row or item(output))
    assert published(tmp_path) == [f"{place}.png" for place in range(51)]
    assert is_finished(tmp_path, "50.png")
