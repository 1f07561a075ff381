import math

import numpy as np
import pytest

from photopulse.audit.bias_audit import groupings, summarise_audit
from photopulse.audit.rows import AuditRow
from photopulse.faces.skin_tone import tone_group


def row(before=20.0, after=20.0, mse=5e-4, **told):
    """A face whose angle goes from ``before`` to ``after`` in the large, and half as far in the small."""
    measured = {
        "tone_group": tone_group(before),
        "ita_original": before,
        "ita_output": after,
        "ita_input": 0.0,
        "ita_output_small": (after - before) / 2,
        "downscale_mse": mse,
    }
    return AuditRow(image="a.png", **(measured | told))


def only(rows, by="all"):
    (group,) = summarise_audit(rows, by)
    return group


def test_success_is_counted_at_the_paper_s_bound_and_at_the_code_s():
    group = only([row(mse=mse) for mse in (5e-4, 1e-3, 1.5e-3, 2e-3, 3e-3)])
    assert (group.success.value, group.success_code.value) == (0.4, 0.8)
    # Wilson's interval of 2 of 5, worked by its formula.
    z, n, p = 1.959963985, 5, 0.4
    middle, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    assert (group.success.low, group.success.high) == (pytest.approx(low), pytest.approx(high))
    assert group.error.value == 1.5e-3


def test_shift_has_mean_median_and_amount():
    group = only([row(after=20 + shift) for shift in (-4, 0, 1, 7)])
    assert (group.shift_large.mean.value, group.shift_large.median.value) == (1, 0.5)
    assert group.shift_large.mean_absolute.value == 3
    assert group.shift_small.mean.value == 0.5


def test_lightness_shifts_as_the_angle_does_on_its_own_scale():
    group = only([row(lightness_original=60.0, lightness_output=value, lightness_input=50.0) for value in (58, 66)])
    assert (group.lightness_large.mean.value, group.lightness_large.mean_absolute.value) == (2, 4)
    assert group.lightness_small.mean.count == 0


def test_intervals_hold_the_figure_and_narrow_with_more_faces():
    shifts = np.random.default_rng(0).normal(5, 3, 400)
    few, many = (only([row(after=20 + shift) for shift in shifts[:n]]).shift_large.mean for n in (25, 400))
    for estimate in (few, many):
        assert estimate.low < estimate.value < estimate.high
    normal = 2 * 1.96 * np.std(shifts) / 20
    assert many.high - many.low == pytest.approx(normal, rel=0.15)
    assert few.high - few.low == pytest.approx(4 * normal, rel=0.4)


def test_unchanged_faces_have_no_shift_and_stay_in_their_group():
    group = only([row() for _ in range(12)])
    assert [group.shift_large.mean.value, group.shift_large.mean.low, group.shift_large.mean.high] == [0, 0, 0]
    assert (group.lighter.value, group.darker.value) == (0, 0)
    assert group.lighter.high == pytest.approx(0.2425, abs=1e-3)  # Wilson, 0 of 12.


def test_lighter_and_darker_mean_another_tone_group():
    # 20 is tan: 28.5 is intermediate, 27 still tan, 9 brown, 60 very light.
    group = only([row(after=after) for after in (28.5, 27, 9, 60)])
    assert (group.lighter.value, group.darker.value, group.lighter.count) == (0.5, 0.25, 4)


def test_tone_groups_come_lightest_first_and_empty_ones_are_left_out():
    rows = [row(before=before) for before in (-40, 60, 20, 61)]
    groups = summarise_audit(rows, "tone")
    assert [(group.group, group.measured) for group in groups] == [("very light", 2), ("tan", 1), ("dark", 1)]


def test_labels_group_and_photos_without_come_last():
    rows = [row(labels={"hair": "red"}), row(labels={}), row(labels={"hair": "black"}), row(labels={"hair": "red"})]
    assert groupings(rows) == ["all", "tone", "hair"]
    groups = summarise_audit(rows, "hair")
    assert [(group.group, group.measured) for group in groups] == [("black", 1), ("red", 2), ("(not given)", 1)]


def test_groups_below_ten_faces_are_flagged():
    assert only([row() for _ in range(9)]).too_small
    assert not only([row() for _ in range(10)]).too_small


def test_failures_are_counted_and_change_nothing_else():
    failed = AuditRow(image="b.png", tone_group="tan", ita_input=3, error="no")
    group = only([row(), row(), failed])
    assert (group.measured, group.failed, group.success.count) == (2, 1, 2)
    assert only([failed]).success.value is None
    assert only([AuditRow(image="c.png", error="unreadable")]).failed == 1
    assert summarise_audit([AuditRow(image="c.png", error="unreadable")], "tone") == []


def test_outputs_without_a_face_count_in_the_small_only():
    group = only([row(), row(ita_output=None)])
    assert (group.shift_small.mean.count, group.shift_large.mean.count, group.lighter.count) == (2, 1, 1)


def test_one_face_has_no_interval_of_its_shift():
    estimate = only([row(after=25)]).shift_large.mean
    assert (estimate.value, estimate.low, estimate.high) == (5, None, None)


def test_nothing_gives_no_groups():
    assert [summarise_audit([], by) for by in ("all", "tone", "hair")] == [[], [], []]
