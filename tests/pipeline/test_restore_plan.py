"""Sizes on the way, worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.pipeline.restore_plan import LARGEST_ENLARGED_FIRST, plan_scale, working_size


@pytest.mark.parametrize(
    ("size", "scale", "restored", "final"),
    [
        ((640, 480), 1, (640, 480), (640, 480)),
        ((5472, 3648), 1, (5472, 3648), (5472, 3648)),
        ((640, 480), 1.5, (960, 720), (960, 720)),
        ((480, 640), 2, (960, 1280), (960, 1280)),
        ((480, 360), 4, (1920, 1440), (1920, 1440)),
        ((640, 480), 4, (1280, 960), (2560, 1920)),
        ((1000, 750), 4, (1000, 750), (4000, 3000)),
        ((1000, 750), 2, (1000, 750), (2000, 1500)),
        ((1500, 1000), 1.5, (1500, 1000), (2250, 1500)),
        ((4000, 3000), 2, (4000, 3000), (8000, 6000)),
    ],
)
def test_what_grows_is_enlarged_first_as_far_as_it_stays_small(size, scale, restored, final):
    plan = plan_scale(size, scale=scale)
    assert (plan.restored, plan.final) == (restored, final)


@pytest.mark.parametrize(
    ("size", "final", "restored"),
    [
        ((160, 120), (1280, 960), (1280, 960)),
        ((300, 200), (3001, 2001), (1500, 1000)),
        ((1280, 960), (640, 480), (1280, 960)),
        ((640, 480), (640, 480), (640, 480)),
    ],
)
def test_an_exact_size_is_reached_the_same_way_and_never_by_restoring_less(size, final, restored):
    plan = plan_scale(size, final=final)
    assert (plan.restored, plan.final) == (restored, final)


@given(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), st.sampled_from([1, 1.5, 2, 4]))
def test_no_picture_is_restored_smaller_than_it_is_or_enlarged_first_beyond_the_limit(size, scale):
    plan = plan_scale(size, scale=scale)
    assert plan.restored[0] >= size[0]
    assert plan.restored[1] >= size[1]
    assert max(plan.restored) <= max(LARGEST_ENLARGED_FIRST, *size)


def test_the_working_size_keeps_the_proportions_and_never_enlarges():
    assert working_size((1920, 1080), 640) == (640, 360)
    assert working_size((1080, 1920), 320) == (180, 320)
    assert working_size((600, 500), 640) == (600, 500)
    assert working_size((3000, 2), 640) == (640, 1)
