import numpy as np
import pytest
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.evaluation.plots import quartiles, write_curves, write_points
from photopulse.evaluation.records import CurvePoint, Row
from photopulse.evaluation.summaries import summarise

BLUE, ORANGE = (0, 0x72, 0xB2), (0xD5, 0x5E, 0)


def moment(seconds, error, niqe):
    return CurvePoint(step=1, seconds=seconds, downscale_mse=error, niqe=niqe)


def course(scale=1.0, niqe=5.0):
    return [moment(t, scale * 0.1 * 0.5**t, niqe) for t in range(1, 6)]


def colours(path, box=(0, 0, 1, 1)):
    """The colours inside a box given in parts of the picture."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    crop = image.crop((box[0] * width, box[1] * height, box[2] * width, box[3] * height))
    return set(map(tuple, np.asarray(crop).reshape(-1, 3).tolist()))


def test_quartiles_are_those_worked_by_hand():
    courses = [[(0.0, 10.0), (2.0, 0.0)], [(2.0, 20.0), (0.0, 30.0)], [(0.0, 20.0), (1.0, 16.0)]]
    band = quartiles(courses)
    # At the beginning 10, 20 and 30; at the end 0, 20 and the 16 that the third one kept.
    assert (band.low[0], band.median[0], band.high[0]) == (15, 20, 25)
    assert (band.low[-1], band.median[-1], band.high[-1]) == (8, 16, 18)
    assert (band.seconds[0], band.seconds[-1]) == (0, 2)


def test_between_its_points_a_course_is_a_straight_line():
    band = quartiles([[(0.0, 0.0), (3.0, 6.0)]])
    np.testing.assert_allclose(band.median, 2 * band.seconds)


def test_a_band_begins_where_all_courses_have_begun():
    assert quartiles([[(1.0, 0.0), (5.0, 0.0)], [(2.0, 0.0), (4.0, 0.0)]]).seconds[0] == 2


def test_two_panels_are_drawn_with_a_line_and_a_band_a_method(tmp_path):
    curves = {"pulse": [course(), course(2.0, 6.0)], "pulse:400": [course(4.0, 4.0)]}
    write_curves(tmp_path / "curves.png", curves, eps=1e-3, sharp_niqe=4.5)
    assert Image.open(tmp_path / "curves.png").size == (1440, 640)
    for panel in ((0, 0, 0.5, 1), (0.5, 0, 1, 1)):
        assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0x66, 0x66, 0x66)} <= colours(tmp_path / "curves.png", panel)


def test_a_fast_method_beside_a_slow_one_keeps_its_room(tmp_path):
    slow = [moment(40 * point.seconds, point.downscale_mse, point.niqe) for point in course()]
    blue = {}
    for name, curves in (("alone", {"fast": [course()]}), ("beside", {"fast": [course()], "pulse": [slow]})):
        write_curves(tmp_path / f"{name}.png", curves)
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"))[:, :720]
        columns = np.flatnonzero((pixels == (0, 0x72, 0xB2)).all(-1)[300:].any(0))
        blue[name] = np.ptp(columns)
    # On a linear axis of 200 s the 5 s would take a fortieth of the room.
    assert blue["beside"] > 0.15 * blue["alone"]


def test_without_niqe_there_is_one_panel(tmp_path):
    write_curves(tmp_path / "curves.png", {"pulse": [[moment(1, 0.1, None), moment(2, 0.0, None)]]})
    assert Image.open(tmp_path / "curves.png").size == (840, 640)


def test_equal_curves_make_equal_files(tmp_path):
    for name in ("one.png", "two.png"):
        write_curves(tmp_path / name, {"pulse": [course()]})
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("curves", [{}, {"pulse": []}, {"pulse": [[]]}])
def test_no_point_is_no_figure(tmp_path, curves):
    with pytest.raises(ValueError, match="a course with a point"):
        write_curves(tmp_path / "curves.png", curves)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotopulseError, match=r"cannot write .*curves\.png"):
        write_curves(tmp_path / "file" / "curves.png", {"pulse": [course()]})


def test_a_format_that_is_not_written_is_named(tmp_path):
    with pytest.raises(PhotopulseError, match=r"cannot write .*curves\.xyz"):
        write_curves(tmp_path / "curves.xyz", {"pulse": [course()]})
    assert list(tmp_path.iterdir()) == []


def rows(condition="clean", method="pulse", size=1024, **values):
    return [
        Row(
            image=str(image),
            condition=condition,
            method=method,
            size=size,
            small=32,
            values={name: value + image for name, value in values.items()},
        )
        for image in range(3)
    ]


def centre(path, colour):
    """Mean x and y of the pixels of a colour above the legend, in parts of the picture."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    above = pixels[: int(0.8 * pixels.shape[0])]
    y, x = np.nonzero((above == colour).all(-1))
    return x.mean() / pixels.shape[1], y.mean() / pixels.shape[0]


def test_higher_figures_stand_further_right_and_conditions_from_top_to_bottom(tmp_path):
    path = tmp_path / "points.png"
    write_points(path, summarise([*rows("clean", "nearest", psnr=20.0), *rows("noise:25", "bicubic", psnr=30.0)]))
    first, second = centre(path, BLUE), centre(path, ORANGE)
    assert first[0] < second[0]
    assert first[1] < second[1]


def test_there_is_a_panel_for_each_measure_that_was_measured(tmp_path):
    one = summarise(rows(psnr=20.0))
    two = summarise(rows(psnr=20.0, niqe=5.0))
    for name, summaries in (("one", one), ("two", two)):
        write_points(tmp_path / f"{name}.png", summaries)
    widths = [Image.open(tmp_path / f"{name}.png").size[0] for name in ("one", "two")]
    assert widths[1] - widths[0] == 420


def test_the_original_is_left_out(tmp_path):
    pulse = rows(psnr=20.0)
    write_points(tmp_path / "without.png", summarise(pulse))
    write_points(tmp_path / "with.png", summarise([*pulse, *rows(method="original", psnr=90.0)]))
    assert (tmp_path / "without.png").read_bytes() == (tmp_path / "with.png").read_bytes()


def test_several_sizes_are_no_one_figure(tmp_path):
    summaries = summarise([*rows(psnr=20.0), *rows(size=128, psnr=20.0)])
    with pytest.raises(ValueError, match="several sizes"):
        write_points(tmp_path / "points.png", summaries)


def test_two_scopes_are_no_one_figure(tmp_path):
    uneven = [*rows(psnr=20.0), *rows(method="nearest", psnr=20.0)[:2]]
    with pytest.raises(ValueError, match="two summaries of one method"):
        write_points(tmp_path / "points.png", summarise(uneven))


def test_nothing_measured_is_no_figure(tmp_path):
    with pytest.raises(ValueError, match="no summary has"):
        write_points(tmp_path / "points.png", summarise(rows(ssim=0.5)))
