"""Which number of threads is chosen, on a clock that says how fast each of them is."""

from types import SimpleNamespace

import pytest
import torch

from photopulse import threads as module
from photopulse.threads import fastest_threads


@pytest.mark.parametrize(
    ("one", "many", "chosen"), [(1.0, 0.55, 4), (1.0, 3.0, 1), (1.0, 40.0, 1), (1.0, 0.95, 1)], ids=str
)
def test_more_threads_are_chosen_only_where_they_are_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, one: float, many: float, chosen: int
):
    now = 0.0

    def work() -> None:
        nonlocal now
        now += one if torch.get_num_threads() == 1 else many

    monkeypatch.setattr(module, "_work", work)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now))
    before = torch.get_num_threads()
    assert fastest_threads(4) == chosen
    assert torch.get_num_threads() == before


def test_the_work_that_is_measured_runs():
    assert fastest_threads(1) == 1
