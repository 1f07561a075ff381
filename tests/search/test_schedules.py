from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.search.names import ScheduleName
from photopulse.search.schedules import SCHEDULES, fixed, linear_one_cycle, linear_one_cycle_drop


def test_the_fixed_schedule_is_one():
    assert [fixed(step, 10) for step in range(10)] == [1.0] * 10


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (25, 0.55), (50, 1.0), (75, 0.55), (99, 0.118)])
def test_one_cycle_peaks_at_half_of_the_steps(step: int, factor: float):
    assert linear_one_cycle(step, 100) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 0.1), (9, 0.28), (45, 1.0), (81, 0.28), (89, 0.12), (90, 0.1), (95, 0.0505), (99, 0.0109)],
)
def test_one_cycle_with_drop_is_worked_by_hand(step: int, factor: float):
    assert linear_one_cycle_drop(step, 100) == pytest.approx(factor)


@given(st.integers(1, 5000), st.data())
def test_every_factor_is_positive_and_at_most_one(steps: int, data: st.DataObject):
    step = data.draw(st.integers(0, steps - 1))
    for schedule in SCHEDULES.values():
        assert 0 < schedule(step, steps) <= 1


def test_every_schedule_name_has_its_schedule():
    assert set(SCHEDULES) == set(get_args(ScheduleName))
