"""Stages are announced, timed and added up."""

from itertools import count

import pytest

from photopulse.restoration import stages as restore_stages
from photopulse.restoration.stages import Stages


def test_stages_are_told_as_they_begin_and_add_up(monkeypatch):
    ticks = count(step=2.0)
    monkeypatch.setattr(restore_stages.time, "perf_counter", lambda: next(ticks))
    told = []
    stages = Stages(told.append)
    for name in ("photo", "paste", "photo"):
        with stages.stage(name):
            assert told[-1] == name
    assert stages.seconds == {"photo": 4.0, "paste": 2.0}
    assert told == ["photo", "paste", "photo"]


def test_a_stage_that_fails_is_not_counted():
    stages = Stages()
    with pytest.raises(RuntimeError), stages.stage("photo"):
        raise RuntimeError
    assert stages.seconds == {}
