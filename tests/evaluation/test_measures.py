import math

import pytest

from photopulse.evaluation.measures import MEASURES
from photopulse.evaluation.rows import Row

BY_NAME = {measure.name: measure for measure in MEASURES}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("psnr", 23.456, "23.46"),
        ("ssim", 0.63249, "0.632"),
        ("seconds", 135.24, "135"),
        ("seconds", 13.524, "13.5"),
        ("seconds", 1.3524, "1.35"),
        ("seconds", 0.013524, "0.014"),
        ("seconds", 12345.6, "12346"),
        ("seconds", 0.0, "0.00"),
        ("seconds", 0.0003, "<0.001"),
        ("seconds", 0.0006, "0.001"),
        ("kd", -0.004, "0.0"),
        ("psnr", None, "-"),
        ("psnr", math.inf, "∞"),
        ("psnr", math.nan, "nan"),
    ],
)
def test_numbers_are_worded_with_the_digits_that_mean_something(name, value, text):
    assert BY_NAME[name].text(value) == text


def test_the_downscale_error_is_given_in_units_of_1e_5():
    row = Row(image="a", condition="clean", method="pulse", size=128, small=16, downscale_mse=0.00123)
    assert BY_NAME["downscale_mse_mean"].value(row) == pytest.approx(123)
    assert BY_NAME["downscale_mse_median"].value(row) == pytest.approx(123)


@pytest.mark.parametrize(("shift", "size"), [(-3.25, 3.25), (1.5, 1.5), (None, None)])
def test_the_shift_of_skin_is_given_with_its_direction_and_without(shift, size):
    row = Row(image="a", condition="clean", method="pulse", size=128, small=16, ita_shift=shift)
    assert BY_NAME["ita_shift"].value(row) == shift
    assert BY_NAME["absolute_ita_shift"].value(row) == BY_NAME["absolute_ita_shift_median"].value(row) == size
    assert BY_NAME["ita_shift"].text(-3.25) == "-3.25"


def test_arrows_point_where_better_is():
    arrows = {measure.name: measure.arrow.strip() for measure in MEASURES}
    assert arrows == {
        "downscale_mse_mean": "↓",
        "downscale_mse_median": "↓",
        "niqe": "↓",
        "psnr": "↑",
        "psnr_y": "↑",
        "ssim": "↑",
        "perceptual": "↓",
        "set_niqe": "↓",
        "lpips": "↓",
        "identity_distance": "↓",
        "identity": "↑",
        "kd": "↓",
        "fd": "↓",
        "confidence": "↑",
        "ita_shift": "",
        "absolute_ita_shift": "↓",
        "absolute_ita_shift_median": "↓",
        "sharpness": "",
        "seconds": "↓",
        "converged": "↑",
    }


def test_the_likeness_says_that_it_is_for_evaluation_only():
    assert "evaluation only" in BY_NAME["identity_distance"].meaning
    assert "not LPIPS" in BY_NAME["perceptual"].meaning
    assert "not FID" in BY_NAME["fd"].meaning
