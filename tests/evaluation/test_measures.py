import math

import pytest

from photopulse.evaluation.measure import PictureSet
from photopulse.evaluation.measures import COLUMNS, MEASURES

BY_NAME = {column.name: column for column in COLUMNS}


def figure(name, **values):
    """What the column says of a set of one picture."""
    return BY_NAME[name].estimate(BY_NAME[name].of, PictureSet(own={"a": values}, sharp={}, fair=True)).value


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
    assert figure("downscale_mse_mean", downscale_mse=0.00123) == pytest.approx(123)
    assert figure("downscale_mse_median", downscale_mse=0.00123) == pytest.approx(123)


@pytest.mark.parametrize(("shift", "size"), [(-3.25, 3.25), (1.5, 1.5)])
def test_the_shift_of_skin_is_given_with_its_direction_and_without(shift, size):
    assert figure("ita_shift", ita_shift=shift) == shift
    assert figure("absolute_ita_shift", ita_shift=shift) == size
    assert figure("absolute_ita_shift_median", ita_shift=shift) == size
    assert figure("absolute_ita_shift") is None
    assert BY_NAME["ita_shift"].text(-3.25) == "-3.25"


def test_arrows_point_where_better_is():
    better = {"psnr": "↑", "ssim": "↑", "niqe": "↓", "identity_distance": "↓", "identity": "↑", "seconds": "↓"}
    assert {name: BY_NAME[name].arrow.strip() for name in better} == better
    assert BY_NAME["ita_shift"].arrow == BY_NAME["sharpness"].arrow == ""


def test_names_of_measures_and_of_columns_stand_once():
    for names in ([measure.name for measure in MEASURES], [column.name for column in COLUMNS]):
        assert len(set(names)) == len(names)


def test_columns_stand_by_what_they_tell_and_those_for_programs_alone_come_last():
    order = ["downscale_mse_median", "niqe", "set_niqe", "psnr", "identity_distance", "identity", "kd", "seconds"]
    names = [column.name for column in COLUMNS]
    assert sorted(order, key=names.index) == order


def test_the_likeness_says_that_it_is_for_evaluation_only():
    assert "evaluation only" in BY_NAME["identity_distance"].meaning
    assert "not LPIPS" in BY_NAME["perceptual"].meaning
    assert "not FID" in BY_NAME["fd"].meaning
