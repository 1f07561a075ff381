import numpy as np
import pytest
from PIL import Image

from photopulse.audit.bias_audit import summarise_audit
from photopulse.audit.figures import angles_figure, shift_figure, success_figure, write_audit_figures
from photopulse.audit.rows import AuditRow
from photopulse.faces.skin_tone import tone_group


def row(number, **told):
    before = (50.0, 20.0, -40.0)[number % 3]
    measured = {
        "labels": {"paid $ a": "x$y"},
        "tone_group": tone_group(before),
        "ita_original": before,
        "ita_output": before + number,
        "ita_input": before - 1,
        "ita_output_small": before - 1 + number / 10,
        "downscale_mse": 2e-4 * number,
    }
    return AuditRow(image=f"{number}.png", **(measured | told))


ROWS = [row(number) for number in range(12)] + [AuditRow(image="bad.png", error="no face")]


def points(axes):
    return np.concatenate([np.asarray(drawn.get_offsets()) for drawn in axes.collections])


def markers(axes):
    """The y of each single point, where one is drawn as a line of one vertex."""
    return [float(line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]


def test_each_face_s_shift_and_each_group_s_median_are_drawn():
    small, large = shift_figure(ROWS).axes
    assert sorted(points(large)[:, 1]) == pytest.approx(range(12))
    assert sorted(points(small)[:, 1]) == pytest.approx(np.arange(12) / 10)
    assert markers(large) == [group.shift_large.median.value for group in summarise_audit(ROWS, "tone")]
    names = [label.get_text() for label in large.get_xticklabels()]
    assert names == ["light\nn = 4", "tan\nn = 4", "dark\nn = 4"]


def test_the_angles_are_drawn_against_the_line_of_no_change():
    small, large = angles_figure(ROWS).axes
    assert len(points(small)) == 12
    drawn = points(large)
    assert sorted(drawn[:, 1] - drawn[:, 0]) == pytest.approx(range(12))
    identity = large.lines[0]
    np.testing.assert_array_equal(identity.get_xdata(), identity.get_ydata())


def test_success_is_drawn_at_both_bounds():
    (axes,) = success_figure(ROWS).axes
    groups = summarise_audit(ROWS, "tone")
    drawn = markers(axes)
    assert drawn == [group.success.value for group in groups] + [group.success_code.value for group in groups]


def test_the_figures_of_tone_and_of_each_label_are_written(tmp_path):
    files = write_audit_figures(tmp_path / "figures", ROWS)
    assert sorted(file.name for file in files) == [
        "angles.png",
        "shift_label1.png",
        "shift_tone.png",
        "success_label1.png",
        "success_tone.png",
    ]
    for file in files:
        picture = np.asarray(Image.open(file).convert("L"))
        assert picture.min() < 100
        assert picture[0, 0] == 255


def test_nothing_measured_draws_nothing(tmp_path):
    assert write_audit_figures(tmp_path, [AuditRow(image="bad.png", error="no face")]) == []


def test_outputs_without_faces_leave_gaps(tmp_path):
    rows = [row(number, ita_output=None) for number in range(3)]
    small, large = shift_figure(rows).axes
    assert (len(points(small)), len(points(large))) == (3, 0)
    assert len(write_audit_figures(tmp_path, rows)) == 5
