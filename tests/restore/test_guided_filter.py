"""The golden vectors come from the authors' code: ``tests/data`` has a cut (the first picture, every third pixel of the
large ones), the folder beside the checkout all."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

from photopulse.restore.guided_filter import (
    ConvGuidedFilter,
    box_mean,
    fast_guided_filter,
    guided_filter,
    line_coefficients,
)

pytestmark = pytest.mark.usefixtures("one_thread")

STEP = 3
CUT = Path(__file__).parents[1] / "data" / "guided_filter.npz"
WHOLE = Path(__file__).parents[2] / ".." / "shared" / "golden" / "guided_filter.npz"
SETTINGS = [(1, 1e-8, "r1_eps1e-08"), (4, 1e-4, "r4_eps0.0001")]

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


def _assert_golden(actual: Tensor, expected: Tensor) -> None:
    # The absolute part is for values near 0: the reference's own float32 rounding is 6e-5 where eps is 1e-8.
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("radius", "eps", "name"), SETTINGS)
def test_the_guided_filters_meet_the_golden_vectors(cut: dict[str, Tensor], radius: int, eps: float, name: str):
    fast = fast_guided_filter(cut["lr_x"], cut["lr_y"], _spread(cut["hr_x"]), radius, eps)
    _assert_golden(fast[..., ::STEP, ::STEP], cut[f"fast_{name}"])
    _assert_golden(guided_filter(cut["lr_x"], cut["lr_y"], radius, eps), cut[f"guided_{name}"])


def test_the_learned_filter_meets_the_golden_vectors(cut: dict[str, Tensor]):
    high = _conv_filter(cut)(cut["lr_x"], cut["lr_y"], _spread(cut["hr_x"]))
    torch.testing.assert_close(high[..., ::STEP, ::STEP], cut["conv_r2"], rtol=1e-3, atol=1e-6)


def test_all_golden_vectors_are_met_where_they_are(whole: dict[str, Tensor]):
    x, y, high_x = whole["lr_x"], whole["lr_y"], whole["hr_x"]
    for radius, eps, name in SETTINGS:
        _assert_golden(fast_guided_filter(x, y, high_x, radius, eps), whole[f"fast_{name}"])
        _assert_golden(guided_filter(x, y, radius, eps), whole[f"guided_{name}"])
    torch.testing.assert_close(_conv_filter(whole)(x, y, high_x), whole["conv_r2"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "radius"), [(9, 7, 1), (12, 5, 3), (1, 4, 2), (3, 3, 8)])
def test_a_box_mean_counts_only_what_lies_inside(height: int, width: int, radius: int):
    image = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def sums(values: np.ndarray) -> np.ndarray:
        size = (1, 1, 2 * radius + 1, 2 * radius + 1)
        return uniform_filter(values, size=size, mode="constant")

    expected = sums(image.numpy()) / sums(np.ones(image.shape))
    np.testing.assert_allclose(box_mean(image, radius).numpy(), expected, rtol=1e-12)


def test_a_straight_change_of_the_guide_is_found_exactly():
    random = torch.Generator().manual_seed(0)
    low_x, high_x = torch.rand(1, 3, 8, 9, generator=random), torch.rand(1, 3, 31, 40, generator=random)
    slope, offset = line_coefficients(low_x, 0.5 * low_x + 0.2, radius=2, eps=0.0)
    torch.testing.assert_close(slope, torch.full_like(slope, 0.5), rtol=0, atol=1e-4)
    torch.testing.assert_close(offset, torch.full_like(offset, 0.2), rtol=0, atol=1e-4)
    high = fast_guided_filter(low_x, 0.5 * low_x + 0.2, high_x, radius=2, eps=0.0)
    torch.testing.assert_close(high, 0.5 * high_x + 0.2, rtol=0, atol=1e-4)


def test_a_gray_guide_serves_all_channels():
    random = torch.Generator().manual_seed(0)
    gray, picture = torch.rand(1, 1, 8, 9, generator=random), torch.rand(1, 3, 8, 9, generator=random)
    expected = guided_filter(gray.expand(1, 3, 8, 9), picture, radius=2, eps=1e-2)
    torch.testing.assert_close(guided_filter(gray, picture, radius=2, eps=1e-2), expected)


def test_flat_places_stay_as_they_are_however_small_eps_is():
    flat = torch.full((1, 3, 12, 12), 0.9371)
    torch.testing.assert_close(guided_filter(flat, 0.8 * flat, radius=3, eps=1e-9), 0.8 * flat, rtol=0, atol=1e-5)


def test_the_learned_window_starts_as_the_box_mean_of_points_a_radius_apart():
    random = torch.Generator().manual_seed(0)
    x, y = torch.rand(1, 3, 10, 12, generator=random), torch.rand(1, 3, 10, 12, generator=random)
    guided = ConvGuidedFilter(radius=1, hidden=4).eval().requires_grad_(False)
    slope, offset = guided.coefficients(x, y)
    torch.testing.assert_close(offset, box_mean(y, 1) - slope * box_mean(x, 1))
    # Points of one parity only see each other where they are two pixels apart.
    guided = ConvGuidedFilter(radius=2, hidden=4).eval().requires_grad_(False)
    slope, offset = (part[..., ::2, ::2] for part in guided.coefficients(x, y))
    x, y = x[..., ::2, ::2], y[..., ::2, ::2]
    torch.testing.assert_close(offset, box_mean(y, 1) - slope * box_mean(x, 1))
