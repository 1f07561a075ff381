"""Numbers in names."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.degrade.amounts import amount_text, check_amount


@pytest.mark.parametrize(("value", "text"), [(25, "25"), (25.0, "25"), (0.05, "0.05"), (1e-7, "1e-07"), (0, "0")])
def test_numbers_are_written_as_a_person_would(value: float, text: str) -> None:
    assert amount_text(value) == text


@given(st.floats(0, 1024))
def test_written_numbers_read_back_exactly_and_hold_no_plus(value: float) -> None:
    assert float(amount_text(value)) == value
    assert "+" not in amount_text(value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_what_lies_outside_is_named_with_its_bounds(value: float) -> None:
    with pytest.raises(ValueError, match=f"the share must be from 0 to 1, got {value}"):
        check_amount("the share", value, 0, 1)


def test_the_bounds_themselves_are_allowed() -> None:
    for value in (0, 1):
        check_amount("the share", value, 0, 1)
