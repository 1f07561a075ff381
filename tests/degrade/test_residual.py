"""The error that noise leaves: worked by hand where it can be, else as observed on photographs."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from photopulse.degrade import CustomKernel, parse_degradation


def photographs(side: int) -> Tensor:
    """A face, a cat and a cup, (3, 3, side, side)."""
    cuts = (data.astronaut()[:256, 96:352], data.chelsea()[22:278, 100:356], data.coffee()[50:306, 150:406])
    flag = cv2.INTER_AREA if side <= 256 else cv2.INTER_CUBIC
    sized = np.stack([cv2.resize(cut, (side, side), interpolation=flag) for cut in cuts])
    return torch.tensor(sized).permute(0, 3, 1, 2) / 255


def observed_error(text: str, *, side: int, factor: int, draws: int) -> float:
    operator, pictures = parse_degradation(text, factor=factor), photographs(side * factor)
    random = torch.Generator().manual_seed(77)
    errors = [(operator.observe(pictures, random) - operator(pictures)).square().mean() for _ in range(draws)]
    return torch.stack(errors).mean().item()


@pytest.mark.parametrize("text", ["bicubic", "box", "jpeg:30", "defocus:16+bicubic+blur:1+jpeg:90"])
def test_what_is_not_random_leaves_nothing(text: str) -> None:
    assert parse_degradation(text, factor=64).expected_error() == 0
    assert CustomKernel(torch.ones(2, 2) / 4, 2).expected_error() == 0


def test_small_noise_leaves_its_variance() -> None:
    assert parse_degradation("noise:5", factor=64).expected_error() == pytest.approx((5 / 255) ** 2, rel=0.03)
    two = parse_degradation("noise:5+noise:5", factor=64)
    assert two.expected_error() == pytest.approx(2 * (5 / 255) ** 2, rel=0.03)


def test_noise_of_the_large_picture_shrinks_by_the_squared_weights_of_the_downscaler() -> None:
    box = parse_degradation("noise:5+box", factor=16)
    assert box.expected_error() == pytest.approx((5 / 255) ** 2 / 256, rel=0.06)
    # The energy of Keys' kernel, from its own formula; bicubic downscaling is that kernel along both axes.
    x = (np.arange(-32, 32) + 0.5) / 16
    near, far = 1.5 * abs(x) ** 3 - 2.5 * x**2 + 1, -0.5 * abs(x) ** 3 + 2.5 * x**2 - 4 * abs(x) + 2
    weights = np.where(abs(x) < 1, near, far) / 16
    bicubic = parse_degradation("noise:5+bicubic", factor=16)
    assert bicubic.expected_error() == pytest.approx((5 / 255) ** 2 * (weights**2).sum() ** 2, rel=0.06)


def test_a_blur_after_noise_keeps_the_energy_of_its_kernel() -> None:
    operator = parse_degradation("noise:5+blur:2", factor=64)
    # A Gaussian's energy is 1 / (4 pi std^2); mirrored edges keep a little more.
    found = operator.expected_error(side=64)
    assert found == pytest.approx((5 / 255) ** 2 / (4 * np.pi * 4), rel=0.15)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("noise:25", 16),
        ("noise:50", 32),
        ("jpeg:30+noise:25", 16),
        ("noise:25+jpeg:30", 16),
        ("noise:25+jpeg:30", 64),
        ("noise:25+jpeg:10", 32),
        ("noise:8+jpeg:75", 32),
        ("noise:5+jpeg:30", 64),
        ("salt-pepper:0.05", 32),
        ("salt-pepper:0.05+jpeg:30", 32),
        ("chroma-noise:25+jpeg:30", 32),
        ("noise:25+defocus:1", 32),
    ],
)
def test_the_error_is_that_of_photographs_within_a_factor_of_one_and_a_half(text: str, side: int) -> None:
    observed = observed_error(text, side=side, factor=1, draws=20)
    found = parse_degradation(text, factor=1024 // side).expected_error(side=side)
    assert found / 1.5 < observed < found * 1.5


@pytest.mark.parametrize("text", ["noise:25+box", "noise:50+bicubic", "salt-pepper:0.05+bicubic"])
def test_so_is_that_of_what_happened_to_the_large_picture(text: str) -> None:
    observed = observed_error(text, side=16, factor=16, draws=4)
    found = parse_degradation(text, factor=16).expected_error(side=16)
    assert found / 1.5 < observed < found * 1.5


def test_the_size_matters_under_jpeg_and_is_that_of_a_large_picture_of_1024_by_default() -> None:
    operator = parse_degradation("noise:5+jpeg:30", factor=64)
    assert operator.expected_error() == operator.expected_error(side=16) > 1.5 * operator.expected_error(side=64)
