"""The memory that is free for workers, and how many fit."""

import sys
from pathlib import Path

import numpy as np
import pytest

from photopulse.runs import memory
from photopulse.runs.memory import affordable, free_memory

GIB = 2**30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_is_allocated_is_no_longer_free():
    # Other processes free and take memory, too, so it is tried several times.
    def falls() -> bool:
        before = free_memory()
        assert before is not None
        filled = np.ones(512 * 2**20, dtype=np.uint8)
        after = free_memory()
        assert filled.all()
        return after is not None and after < before - 256 * 2**20

    assert any(falls() for _ in range(10))


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Lets the system tell other numbers."""

    def tell(machine: str, limit: str, used: str):
        names = {"meminfo": machine, "max": limit, "current": used}
        for name, text in names.items():
            (tmp_path / name).write_text(text)
        monkeypatch.setattr(memory, "_MACHINE", tmp_path / "meminfo")
        monkeypatch.setattr(memory, "_LIMITS", ((tmp_path / "max", tmp_path / "current"),))

    return tell


def test_the_limit_of_a_container_counts_where_it_is_less(told):
    told("MemTotal: 9 kB\nMemAvailable: 8388608 kB\n", "3221225472\n", "1073741824\n")
    assert free_memory() == 2 * GIB
    told("MemTotal: 9 kB\nMemAvailable: 1048576 kB\n", "max\n", "1073741824\n")
    assert free_memory() == GIB


def test_a_system_that_tells_nothing_is_trusted(monkeypatch):
    monkeypatch.setattr(memory, "_MACHINE", Path("/nowhere"))
    monkeypatch.setattr(memory, "_LIMITS", ())
    assert free_memory() is None
    assert affordable(8, GIB, None) == 8


def test_as_many_workers_as_fit_but_at_least_one():
    assert affordable(4, 2 * GIB, 9 * GIB) == 4
    assert affordable(4, 2 * GIB, 5 * GIB) == 2
    assert affordable(4, 2 * GIB, GIB) == 1
