"""Sizes on the way, worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.restoration.plan import LARGEST_ENLARGED_FIRST, plan_restoration, working_size


@pytest.mark.parametrize(
    ("size", "scale", "cleaned", "final"),
    [
        ((640, 480), 1, [(640, 480)], (640, 480)),
        ((300, 200), 1, [(300, 200)], (300, 200)),
        ((300, 200), 1.5, [(450, 300)], (450, 300)),
        ((300, 200), 4, [(640, 427)], (1200, 800)),
        ((640, 480), 4, [(640, 480)], (2560, 1920)),
    ],
)
def test_a_small_photo_is_cleaned_as_large_as_it_is_to_be_up_to_the_working_size(size, scale, cleaned, final):
    plan = plan_restoration(size, longer_side=640, scale=scale)
    assert (list(plan.cleaned), plan.restored, plan.final) == (cleaned, cleaned[-1], final)


@pytest.mark.parametrize(
    ("final", "cleaned"),
    [
        ((400, 300), [(400, 300)]),
        ((401, 301), [(200, 150), (401, 301)]),
        ((1280, 960), [(320, 240), (640, 480)]),
    ],
)
def test_what_grows_far_is_cleaned_in_steps(final, cleaned):
    plan = plan_restoration((100, 75), longer_side=640, final=final)
    assert (list(plan.cleaned), plan.restored, plan.final) == (cleaned, cleaned[-1], final)


@pytest.mark.parametrize(
    ("size", "scale", "cleaned", "restored", "final"),
    [
        ((5472, 3648), 1, (640, 427), (5472, 3648), (5472, 3648)),
        ((720, 960), 2, (480, 640), (1440, 1920), (1440, 1920)),
        ((1280, 720), 1.5, (640, 360), (1920, 1080), (1920, 1080)),
        ((1000, 750), 4, (640, 480), (1000, 750), (4000, 3000)),
        ((1500, 1000), 1.5, (640, 427), (1500, 1000), (2250, 1500)),
        ((4000, 3000), 2, (640, 480), (4000, 3000), (8000, 6000)),
    ],
)
def test_a_larger_photo_that_grows_is_enlarged_first_as_far_as_it_stays_small(size, scale, cleaned, restored, final):
    plan = plan_restoration(size, longer_side=640, scale=scale)
    assert (plan.cleaned, plan.restored, plan.final) == ((cleaned,), restored, final)


@pytest.mark.parametrize("size", [(1280, 960), (200, 150)])
def test_a_photo_that_is_to_shrink_is_restored_at_its_own_size(size):
    plan = plan_restoration(size, longer_side=640, final=(100, 75))
    assert (plan.restored, plan.final) == (size, (100, 75))


@given(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), st.sampled_from([1, 1.5, 2, 4]), st.integers(64, 2000))
def test_no_picture_is_restored_smaller_than_it_is_or_enlarged_first_beyond_the_limit(size, scale, longer_side):
    plan = plan_restoration(size, longer_side=longer_side, scale=scale)
    assert plan.restored[0] >= size[0]
    assert plan.restored[1] >= size[1]
    assert max(plan.restored) <= max(LARGEST_ENLARGED_FIRST, longer_side, *size)
    assert max(plan.cleaned[-1]) <= longer_side
    assert len(plan.cleaned) == 1 or max(size) <= longer_side


def test_the_working_size_keeps_the_proportions_and_never_enlarges():
    assert working_size((1920, 1080), 640) == (640, 360)
    assert working_size((1080, 1920), 320) == (180, 320)
    assert working_size((600, 500), 640) == (600, 500)
    assert working_size((3000, 2), 640) == (640, 1)
