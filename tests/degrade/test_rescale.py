"""Operators for smaller renderings against the originals on large pictures."""

import pytest
import torch
from torch import Tensor

from photopulse.degrade import (
    DEGRADATION_NAMES,
    Bicubic,
    Box,
    CustomKernel,
    Declared,
    Defocus,
    GaussianBlur,
    GaussianNoise,
    Jpeg,
    Mosaic,
    MotionBlur,
    make_degradation,
    parse_degradation,
    with_factor,
)


def smooth_image(side: int = 256) -> Tensor:
    """Waves of some periods a picture, (1, 3, side, side)."""
    rows, columns = torch.meshgrid(*[(torch.arange(side) + 0.5) / side] * 2, indexing="ij")
    waves = [torch.sin(6.3 * (k * rows + 2 * columns + 0.1 * k)) + torch.cos(3 * k * columns * rows) for k in (1, 2, 3)]
    return 0.5 + torch.stack(waves)[None] / 5


def random_image(side: int) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_a_plain_operator_keeps_its_kind_and_is_the_identity_at_one(name: str) -> None:
    operator = make_degradation(name, factor=64)
    assert with_factor(operator, 2) == make_degradation(name, factor=2)
    torch.testing.assert_close(with_factor(operator, 1)(random_image(16)), random_image(16))


def test_the_same_factor_is_the_same_operator() -> None:
    for operator in (Box(4), CustomKernel(torch.ones(3, 3), 4), parse_degradation("blur:2+box", factor=4)):
        assert with_factor(operator, operator.factor) is operator


def test_a_mosaic_shrinks_to_whole_pixels_and_vanishes_below_two() -> None:
    operator = parse_degradation("mosaic:16+box+mosaic:2", factor=8)
    half = with_factor(operator, 4)
    assert half == Declared((Mosaic(8),), Box(4), (Mosaic(2),))
    assert with_factor(parse_degradation("mosaic:8+box", factor=16), 2) == Box(2)
    image = random_image(64)
    torch.testing.assert_close(half(Box(2)(image)), operator(image))


def spread_of(blur: MotionBlur | Defocus | GaussianBlur) -> float:
    """The standard deviation of where the blur moves light, px."""
    kernel = torch.as_tensor(blur.kernel())
    rows, columns = (torch.arange(size) - size // 2 for size in kernel.shape)
    return (kernel * (rows[:, None] ** 2 + columns**2)).sum().sqrt().item()


def test_blurs_of_the_large_picture_shrink_and_those_of_the_small_one_stay() -> None:
    operator = parse_degradation("motion:100@30+defocus:16+noise:25+blur:4+jpeg:30+box+blur:2+jpeg:50", factor=32)
    smaller = with_factor(operator, 4)
    assert isinstance(smaller, Declared)
    motion, defocus, noise, blur = smaller.before
    assert isinstance(motion, MotionBlur)
    assert motion.angle == 30
    assert motion.length == pytest.approx(100 / 8, abs=0.2)
    assert isinstance(defocus, Defocus)
    assert defocus.radius == pytest.approx(16 / 8, abs=0.2)
    assert isinstance(blur, GaussianBlur)
    assert blur.std == pytest.approx(4 / 8, abs=0.03)
    for large, small in zip((MotionBlur(100, 30), Defocus(16), GaussianBlur(4)), (motion, defocus, blur), strict=True):
        assert spread_of(small) == pytest.approx(spread_of(large) / 8, rel=0.01)
    assert (noise, smaller.downscale, smaller.after) == (GaussianNoise(25), Box(4), (GaussianBlur(2), Jpeg(50)))


def test_what_becomes_too_short_vanishes_and_a_plain_operator_remains() -> None:
    operator = parse_degradation("motion:10+defocus:6+blur:3+jpeg:30+bicubic", factor=32)
    assert with_factor(operator, 1) == Bicubic(1)


@pytest.mark.parametrize("text", ["motion:64@30+box", "defocus:8+box", "defocus:30+box", "blur:4+box+blur:1"])
@pytest.mark.parametrize(("factor", "share"), [(2, 0.5), (4, 0.1), (8, 0.01)])
def test_the_smaller_operator_does_to_the_mean_picture_what_the_original_does(
    text: str, factor: int, share: float
) -> None:
    operator, image = parse_degradation(text, factor=16), smooth_image()
    assert isinstance(operator, Declared)
    smaller = with_factor(operator, factor)
    rendering = Box(16 // factor)(image)
    difference = (smaller(rendering) - operator(image)).square().mean()
    assert difference < 1e-4
    # Compared with the same without the blur of the large picture.
    unblurred = Declared((), Box(16), operator.after)(image)
    assert difference < share * (unblurred - operator(image)).square().mean()


@pytest.mark.parametrize(("taps", "new"), [(16, 2), (16, 1), (40, 4), (41, 4), (47, 3), (9, 2), (64, 1)])
def test_a_kernel_of_ones_stays_the_mean_of_what_it_covers(taps: int, new: int) -> None:
    operator = CustomKernel(torch.full((taps, taps), taps**-2.0), 16)
    smaller = with_factor(operator, new)
    assert isinstance(smaller, CustomKernel)
    assert smaller.factor == new
    assert smaller.kernel.sum().item() == pytest.approx(1, rel=1e-6)
    # Larger pixels end where the kernel's last ones lie.
    assert max(smaller.kernel.shape) <= (taps + 1) * new / 16 + 2


def test_a_kernel_of_one_block_becomes_the_mean_of_its_larger_pixels() -> None:
    operator = CustomKernel(torch.full((16, 16), 1 / 256), 16)
    torch.testing.assert_close(with_factor(operator, 4)(random_image(64)), Box(4)(random_image(64)))
    torch.testing.assert_close(with_factor(operator, 1)(random_image(8)), random_image(8))


@pytest.mark.parametrize(("height", "width"), [(48, 40), (49, 41), (80, 15)])
@pytest.mark.parametrize("new", [1, 2, 4, 8])
def test_a_smaller_kernel_does_to_the_mean_picture_what_the_original_does(height: int, width: int, new: int) -> None:
    # Lopsided, so that a shift or a flip is seen.
    kernel = torch.linspace(0.2, 1, height)[:, None] * torch.linspace(1, 0.1, width) ** 2
    operator, image = CustomKernel(kernel / kernel.sum(), 16), smooth_image()
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    found, expected = with_factor(operator, new)(Box(16 // new)(image))[inside], operator(image)[inside]
    error = (found - expected).square().mean()
    assert error < (5e-4 if new == 1 else 5e-5)
    assert error < 0.1 * (Bicubic(16)(image)[inside] - expected).square().mean()


def test_a_shift_of_a_kernel_is_kept() -> None:
    # One tap, 24 px right of the block's middle: one and a half pixels of 16 px.
    kernel = torch.zeros(1, 65)
    kernel[0, 32 + 24] = 1
    smaller = with_factor(CustomKernel(kernel, 17), 1)
    assert isinstance(smaller, CustomKernel)
    middle = (torch.arange(smaller.kernel.shape[1]) - (smaller.kernel.shape[1] - 1) / 2) @ smaller.kernel[0]
    # The tap is one pixel of 17 wide and lies within one larger pixel, whose middle is at most half of one away.
    assert abs(middle.item() - 24 / 17) <= 0.5


def test_a_declared_operator_takes_its_kernel_with_it() -> None:
    kernel = CustomKernel(torch.full((16, 16), 1 / 256), 16)
    smaller = with_factor(Declared((), kernel, (GaussianBlur(1),)), 4)
    expected = parse_degradation("box+blur:1", factor=4)
    torch.testing.assert_close(smaller(random_image(32)), expected(random_image(32)))


@pytest.mark.parametrize("factor", [0, 5])
@pytest.mark.parametrize("operator", [Box(4), CustomKernel(torch.ones(3, 3), 4), parse_degradation("jpeg:9", factor=4)])
def test_a_factor_outside_is_refused(operator: Box | CustomKernel | Declared, factor: int) -> None:
    with pytest.raises(ValueError, match=f"factor must be from 1 to the operator's own, 4, got {factor}"):
        with_factor(operator, factor)
