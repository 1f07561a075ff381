import numpy as np
import pytest
from PIL import Image

from photopulse.reporting.lettering import Lettering


def ink(text, *, width, upwards=False, cell=256):
    """Left, top, right, bottom of the dark pixels on a sheet of 400 px whose box lies 100 px from the corner."""
    sheet = Image.new("RGB", (400, 400), "white")
    lettering = Lettering.for_cell(cell)
    if upwards:
        lettering.write_upwards(sheet, (100, 100, 130, 100 + width), text)
    else:
        lettering.write(sheet, (100, 100, 100 + width, 130), text)
    rows, columns = np.nonzero(np.asarray(sheet).max(-1) < 200)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("text", ["bicubic", "noise:25+motion:100", "a name that is far too long for any box" * 3])
@pytest.mark.parametrize("width", [40, 120, 256])
def test_text_stays_inside_its_box_and_in_its_middle(text, width):
    left, top, right, bottom = ink(text, width=width)
    assert 100 <= left < right <= 100 + width
    assert 100 <= top < bottom <= 130
    assert abs((left + right) / 2 - (100 + width / 2)) <= 2


def test_short_text_is_as_large_as_the_cell_allows_and_long_text_smaller():
    short, long = ink("pulse", width=256), ink("pulse and many other words", width=120)
    assert short[3] - short[1] > long[3] - long[1]


def test_text_upwards_is_text_turned_to_the_left():
    left, top, right, bottom = ink("bicubic", width=120)
    turned = ink("bicubic", width=120, upwards=True)
    assert (turned[2] - turned[0], turned[3] - turned[1]) == (bottom - top, right - left)
    sheet, lying = Image.new("RGB", (30, 120), "white"), Image.new("RGB", (120, 30), "white")
    lettering = Lettering.for_cell(256)
    lettering.write_upwards(sheet, (0, 0, 30, 120), "bicubic")
    lettering.write(lying, (0, 0, 120, 30), "bicubic")
    np.testing.assert_array_equal(np.asarray(sheet), np.rot90(np.asarray(lying)))


def test_no_text_leaves_the_sheet_alone():
    sheet = Image.new("RGB", (50, 50), "red")
    Lettering.for_cell(64).write_upwards(sheet, (10, 10, 20, 40), "")
    assert sheet.getcolors() == [(2500, (255, 0, 0))]
