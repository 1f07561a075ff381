import csv
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.training.loss_log import LossLog


def _log(path: Path, *, done: int, until: int, every: int = 2) -> None:
    log = LossLog(path, done=done, every=every)
    for step in range(done + 1, until + 1):
        log.add(step, {"fine": float(step), "parts": step / 10}, last=step == 7)


def _read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return [[*cells[:1], *cells[2:]] for cells in csv.reader(file)]


def test_a_line_has_the_mean_losses_since_the_one_before(tmp_path: Path):
    path = tmp_path / "new" / "losses.csv"
    _log(path, done=0, until=7)
    assert path.read_text().splitlines()[0] == "step,seconds,fine,parts"
    assert _read(path)[1:] == [["2", "1.5", "0.15"], ["4", "3.5", "0.35"], ["6", "5.5", "0.55"], ["7", "7", "0.7"]]


def test_means_are_returned_where_a_line_is_due(tmp_path: Path):
    log = LossLog(tmp_path / "losses.csv", done=0, every=2)
    assert log.add(1, {"fine": 1.0}) is None
    assert log.add(2, {"fine": 2.0}) == {"fine": 1.5}


def test_a_resumed_log_replaces_the_steps_that_were_lost(tmp_path: Path):
    straight, broken = tmp_path / "straight.csv", tmp_path / "broken.csv"
    _log(straight, done=0, until=7)
    _log(broken, done=0, until=6)
    _log(broken, done=2, until=7)
    assert _read(broken) == _read(straight)


def test_seconds_go_on(tmp_path: Path):
    path = tmp_path / "losses.csv"
    path.write_text("step,seconds,fine\n2,100.0,1\n4,200.0,1\n")
    LossLog(path, done=2, every=1).add(3, {"fine": 1.0})
    seconds = [line.split(",")[1] for line in path.read_text().splitlines()[1:]]
    assert seconds[0] == "100.0"
    assert 100 <= float(seconds[1]) < 110


def test_what_makes_no_sense_in_a_damaged_file_is_left_out(tmp_path: Path):
    path = tmp_path / "losses.csv"
    path.write_text("step,seconds,fine\n1,1.0,5\n2,oops,5\n3,3.0,5\n")
    LossLog(path, done=3, every=1).add(4, {"fine": 1.0})
    assert [cells[0] for cells in _read(path)[1:]] == ["1", "4"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PhotopulseError, match=r"losses\.csv"):
        LossLog(tmp_path / "file" / "losses.csv", done=0, every=1).add(1, {"fine": 1.0})
