"""Files that come while a run goes on: each once, when it is whole."""

import os
import time
from itertools import count

import pytest

from photopulse.runs import watch
from photopulse.runs.watch import new_files


@pytest.fixture
def clock(monkeypatch):
    """Lets a second pass with each look at the clock of ``seconds``, which a test sets."""

    class Clock:
        seconds = 100.0

        def monotonic(self):
            return self.seconds

    made = Clock()
    monkeypatch.setattr(watch, "time", made)
    return made


def test_each_file_comes_once_when_it_has_not_changed_for_a_while(tmp_path, clock):
    looks = new_files(lambda: sorted(tmp_path.iterdir()), settled=2)

    def look(seconds):
        clock.seconds += seconds
        return [path.name for path in next(looks)]

    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("whole")
    assert look(0) == []
    b.write_text("begun")
    assert look(1) == []
    b.write_text("begun and continued")
    assert look(1) == ["a"]
    b.write_text("begun and continued and")
    assert look(1.5) == []
    assert look(1.5) == []
    assert look(1) == ["b"]
    assert look(5) == []


def test_a_file_of_the_same_size_that_changes_is_not_taken(tmp_path, clock):
    looks, times = new_files(lambda: tmp_path.iterdir(), settled=2), count(10**18, 10**9)
    file = tmp_path / "a"
    for _ in range(5):
        file.write_text("same")
        os.utime(file, ns=(next(times),) * 2)
        clock.seconds += 1.5
        assert next(looks) == []
    clock.seconds += 2
    assert next(looks) == [file]


def test_the_folder_is_looked_at_once_a_second_at_most(clock):
    looked = []
    looks = new_files(lambda: looked.append(clock.seconds) or [])
    for _ in range(10):
        clock.seconds += 0.25
        assert next(looks) == []
    assert len(looked) == 3


def test_files_that_are_gone_again_are_forgotten(tmp_path, clock):
    looks = new_files(lambda: sorted(tmp_path.iterdir()), settled=2)
    (tmp_path / "a").write_text("short")
    next(looks)
    (tmp_path / "a").unlink()
    clock.seconds += 3
    assert next(looks) == []
    (tmp_path / "a").write_text("short")
    clock.seconds += 3
    assert next(looks) == []
    clock.seconds += 3
    assert next(looks) == [tmp_path / "a"]


def test_the_real_clock_does(tmp_path):
    (tmp_path / "a").write_text("whole")
    for come in new_files(lambda: tmp_path.iterdir(), settled=0.1):
        if come:
            assert come == [tmp_path / "a"]
            break
        time.sleep(0.01)
