"""The golden vectors come from the authors' code: ``tests/data`` has a cut (the first picture, every third pixel of the
large ones), the folder beside the checkout all."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.networks.guided_filter import ConvGuidedFilter

pytestmark = pytest.mark.usefixtures("one_thread")

STEP = 3
CUT = Path(__file__).parents[1] / "data" / "guided_filter.npz"
WHOLE = Path(__file__).parents[2] / ".." / "shared" / "golden" / "guided_filter.npz"

# Ours on the left, theirs on the right.
NAMES = {
    "window.": "box_filter.",
    "slope.": "conv_a.",
}


def _read(path: Path) -> dict[str, Tensor]:
    with np.load(path) as file:
        return {name: torch.from_numpy(file[name]) for name in file}


@pytest.fixture(scope="module")
def cut() -> dict[str, Tensor]:
    return _read(CUT)


@pytest.fixture(scope="module")
def whole() -> dict[str, Tensor]:
    if not WHOLE.is_file():
        pytest.skip("the whole golden vectors lie in a folder beside the checkout that is not there")
    return _read(WHOLE)


def _spread(cut: Tensor) -> Tensor:
    """Puts the pixels of the cut to where they came from; the results at these depend on no others."""
    spread = torch.zeros(1, 3, 160, 192)
    spread[..., ::STEP, ::STEP] = cut
    return spread


def _conv_filter(golden: dict[str, Tensor]) -> ConvGuidedFilter:
    """A filter with the golden weights, whose names are ours after ``NAMES``."""
    guided = ConvGuidedFilter(radius=2, hidden=32)
    state: dict[str, Tensor] = {}
    for name in guided.state_dict():
        part = name.partition(".")[0] + "."
        state[name] = golden["conv_r2.state." + NAMES[part] + name.removeprefix(part)]
    guided.load_state_dict(state)
    return guided.eval().requires_grad_(False)


def _filtered(guided: ConvGuidedFilter, low_x: Tensor, low_y: Tensor, high_x: Tensor) -> Tensor:
    """Draws the lines at the large size as Wu et al. do: the corner pixels' middles lie on each other."""
    slope, offset = (
        F.interpolate(part, size=high_x.shape[2:], mode="bilinear", align_corners=True)
        for part in guided.coefficients(low_x, low_y)
    )
    return slope * high_x + offset


def test_the_learned_filter_meets_the_golden_vectors(cut: dict[str, Tensor]):
    high = _filtered(_conv_filter(cut), cut["lr_x"], cut["lr_y"], _spread(cut["hr_x"]))
    torch.testing.assert_close(high[..., ::STEP, ::STEP], cut["conv_r2"], rtol=1e-3, atol=1e-6)


def test_all_golden_vectors_are_met_where_they_are(whole: dict[str, Tensor]):
    x, y, high_x = whole["lr_x"], whole["lr_y"], whole["hr_x"]
    torch.testing.assert_close(_filtered(_conv_filter(whole), x, y, high_x), whole["conv_r2"], rtol=1e-3, atol=1e-6)


def _box_mean(image: Tensor) -> Tensor:
    """Means over 3 x 3 pixels; only what lies inside counts."""
    return F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)


def test_the_learned_window_starts_as_the_box_mean_of_points_a_radius_apart():
    random = torch.Generator().manual_seed(0)
    x, y = torch.rand(1, 3, 10, 12, generator=random), torch.rand(1, 3, 10, 12, generator=random)
    guided = ConvGuidedFilter(radius=1, hidden=4).eval().requires_grad_(False)
    slope, offset = guided.coefficients(x, y)
    torch.testing.assert_close(offset, _box_mean(y) - slope * _box_mean(x))
    # Points of one parity only see each other where they are two pixels apart.
    guided = ConvGuidedFilter(radius=2, hidden=4).eval().requires_grad_(False)
    slope, offset = (part[..., ::2, ::2] for part in guided.coefficients(x, y))
    x, y = x[..., ::2, ::2], y[..., ::2, ::2]
    torch.testing.assert_close(offset, _box_mean(y) - slope * _box_mean(x))
