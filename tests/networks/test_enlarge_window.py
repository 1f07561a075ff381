import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from photopulse.networks.enlarge_window import enlarge_window

pytestmark = pytest.mark.usefixtures("one_thread")


@st.composite
def _cases(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int], range, range]:
    small = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    size = draw(st.integers(small[0], 60)), draw(st.integers(small[1], 60))
    windows: list[range] = []
    for side in size:
        start = draw(st.integers(0, side - 1))
        windows.append(range(start, draw(st.integers(start + 1, side))))
    return small, size, windows[0], windows[1]


@settings(max_examples=80)
@given(case=_cases())
def test_a_window_is_what_the_whole_enlargement_has_there(case: tuple[tuple[int, int], tuple[int, int], range, range]):
    small, size, rows, columns = case
    image = torch.rand(2, 3, *small, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = F.interpolate(image, size=size, mode="bilinear", align_corners=False)
    expected = whole[..., rows.start : rows.stop, columns.start : columns.stop]
    torch.testing.assert_close(enlarge_window(image, size, rows, columns), expected, rtol=0, atol=1e-9)


def test_a_ramp_goes_on_in_the_middle_of_a_large_picture():
    ramp = (torch.arange(640) + 0.5).expand(1, 1, 2, 640) / 640
    middle = enlarge_window(ramp, (2, 5472), range(2), range(2700, 2710))
    expected = (torch.arange(2700, 2710) + 0.5) / 5472
    torch.testing.assert_close(middle, expected.expand(1, 1, 2, 10), rtol=0, atol=2e-7)


def test_what_it_computes_stays_in_full_precision_under_autocast():
    image = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = enlarge_window(image, (9, 9), range(9), range(9))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(enlarge_window(image, (9, 9), range(9), range(9)), expected)
