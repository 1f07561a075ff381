import numpy as np
import pytest
from PIL import Image

from photopulse.evaluation.points import write_points
from photopulse.evaluation.rows import Row
from photopulse.evaluation.summaries import summarise

BLUE, ORANGE = (0, 0x72, 0xB2), (0xD5, 0x5E, 0)


def rows(condition="clean", method="pulse", size=1024, **values):
    return [
        Row(
            image=str(image),
            condition=condition,
            method=method,
            size=size,
            small=32,
            **{name: value + image for name, value in values.items()},
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
