"""Declared damage: its text, its order, what it does to a picture, and its gradients."""

import re

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
    SaltAndPepper,
    make_degradation,
    parse_degradation,
)


def random_image(side: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_a_name_alone_is_the_plain_operator(name: str) -> None:
    assert parse_degradation(f" {name} ", factor=4) == make_degradation(name, factor=4)


@pytest.mark.parametrize(
    ("text", "operator", "name"),
    [
        (
            "jpeg:30+noise:25",
            Declared((), Bicubic(8), (Jpeg(30), GaussianNoise(25))),
            "bicubic+jpeg:30+noise:25",
        ),
        (
            "motion:100.0@30 + defocus:16+box",
            Declared((MotionBlur(100, 30), Defocus(16)), Box(8), ()),
            "motion:100@30+defocus:16+box",
        ),
        (
            "blur:4+bicubic+salt-pepper:.05",
            Declared((GaussianBlur(4),), Bicubic(8), (SaltAndPepper(0.05),)),
            "blur:4+bicubic+salt-pepper:0.05",
        ),
    ],
)
def test_parts_left_of_the_downscaler_come_before_it(text: str, operator: Declared, name: str) -> None:
    assert parse_degradation(text, factor=8) == operator
    assert operator.name == name
    assert parse_degradation(name, factor=8) == operator
    assert operator.factor == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("magic", "unknown degradation 'magic': there is no corruption 'magic'; write one of bicubic, "),
        ("box+magic:3", "unknown degradation 'magic:3': there is no corruption 'magic'"),
        ("jpeg:101", "unknown degradation 'jpeg:101': the JPEG quality must be from 1 to 100"),
        ("box+bicubic", "the degradation 'box+bicubic' downscales twice, by box and bicubic"),
        ("", "unknown degradation ''"),
        ("box+", "unknown degradation ''"),
        ("clean", "unknown degradation 'clean'"),
        ("bicubic:2", "unknown degradation 'bicubic:2'"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_degradation(text, factor=4)


def test_the_parts_are_applied_in_their_order_and_size() -> None:
    image, unused = random_image(64), torch.Generator()
    expected = Jpeg(50)(GaussianBlur(1)(Box(4)(Defocus(3)(image, unused)), unused), unused)
    found = parse_degradation("defocus:3+box+blur:1+jpeg:50", factor=4)(image)
    # OpenCV sums in another order, which may turn a rounding of the codec's input: most pixels are equal.
    assert (found - expected).abs().median() < 1e-6
    assert (found - expected).square().mean() < 1e-5


def test_without_random_parts_what_is_observed_is_what_is_expected() -> None:
    operator = parse_degradation("motion:5@30+box+blur:1", factor=4)
    image = random_image(64)
    torch.testing.assert_close(operator(image), operator.observe(image, torch.Generator()), atol=2e-6, rtol=0)


def test_the_mean_of_observations_is_what_is_expected() -> None:
    operator = parse_degradation("noise:60+bicubic+salt-pepper:0.2+noise:30", factor=4)
    random = torch.Generator().manual_seed(0)
    image = random_image(32)[:1]
    draws = operator.observe(image.repeat(4000, 1, 1, 1), random)
    difference = operator(image) - draws.mean(0, keepdim=True)
    # The mean of 4000 draws is right to 0.004. Noise after salt is clamped at white, not at the pepper's mean.
    assert difference.abs().mean() < 0.012


def test_the_same_seed_gives_the_same_observation() -> None:
    operator = parse_degradation("noise:60+bicubic+noise:30", factor=4)
    first, again, other = (operator.observe(random_image(32), torch.Generator().manual_seed(k)) for k in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_gradients_are_exact_where_no_codec_is() -> None:
    operator = parse_degradation("motion:3@45+chroma-noise:20+bicubic+blur:0.5+salt-pepper:0.1+noise:25", factor=2)
    image = random_image(6, torch.float64)[:1].requires_grad_()
    assert torch.autograd.gradcheck(operator, (image,))


def test_gradients_reach_a_large_picture_through_two_codecs() -> None:
    image = random_image(64).requires_grad_()
    small = parse_degradation("jpeg:30+defocus:2+bicubic+jpeg:30", factor=4)(image)
    assert small.shape == (2, 3, 16, 16)
    small.square().mean().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()
    assert image.grad.abs().sum((1, 2, 3)).min() > 0


def test_pictures_of_a_batch_are_apart() -> None:
    operator, images = parse_degradation("blur:2+bicubic+jpeg:30+noise:25", factor=4), random_image(64)
    alone = torch.cat([operator(image[None]) for image in images])
    torch.testing.assert_close(operator(images), alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("text", ["blur:2+box", "jpeg:30"])
def test_sizes_that_do_not_divide_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not divide by 4"):
        parse_degradation(text, factor=4)(random_image(18))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_computes_the_same() -> None:
    operator, images = parse_degradation("blur:2+noise:9+bicubic+noise:25", factor=4), random_image(64)
    torch.testing.assert_close(operator(images.cuda()).cpu(), operator(images), atol=1e-5, rtol=0)


def test_a_mosaic_shrinks_to_whole_pixels_and_vanishes_below_two() -> None:
    operator = parse_degradation("mosaic:16+box+mosaic:2", factor=8)
    half = operator.with_factor(4)
    assert half == Declared((Mosaic(8),), Box(4), (Mosaic(2),))
    assert parse_degradation("mosaic:8+box", factor=16).with_factor(2) == Box(2)
    image = random_image(64)
    torch.testing.assert_close(half(Box(2)(image)), operator(image))


def spread_of(blur: MotionBlur | Defocus | GaussianBlur) -> float:
    """The standard deviation of where the blur moves light, px."""
    kernel = torch.as_tensor(blur.kernel())
    rows, columns = (torch.arange(size) - size // 2 for size in kernel.shape)
    return (kernel * (rows[:, None] ** 2 + columns**2)).sum().sqrt().item()


def test_blurs_of_the_large_picture_shrink_and_those_of_the_small_one_stay() -> None:
    operator = parse_degradation("motion:100@30+defocus:16+noise:25+blur:4+jpeg:30+box+blur:2+jpeg:50", factor=32)
    smaller = operator.with_factor(4)
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
    assert operator.with_factor(1) == Bicubic(1)


@pytest.mark.parametrize("text", ["motion:64@30+box", "defocus:8+box", "defocus:30+box", "blur:4+box+blur:1"])
@pytest.mark.parametrize(("factor", "share"), [(2, 0.5), (4, 0.1), (8, 0.01)])
def test_the_smaller_operator_does_to_the_mean_picture_what_the_original_does(
    smooth_image: Tensor, text: str, factor: int, share: float
) -> None:
    operator, image = parse_degradation(text, factor=16), smooth_image
    assert isinstance(operator, Declared)
    smaller = operator.with_factor(factor)
    rendering = Box(16 // factor)(image)
    difference = (smaller(rendering) - operator(image)).square().mean()
    assert difference < 1e-4
    # Compared with the same without the blur of the large picture.
    unblurred = Declared((), Box(16), operator.after)(image)
    assert difference < share * (unblurred - operator(image)).square().mean()


def test_a_declared_operator_takes_its_kernel_with_it() -> None:
    kernel = CustomKernel(torch.full((16, 16), 1 / 256), 16)
    smaller = Declared((), kernel, (GaussianBlur(1),)).with_factor(4)
    expected = parse_degradation("box+blur:1", factor=4)
    torch.testing.assert_close(smaller(random_image(32)), expected(random_image(32)))


def test_a_declared_operator_of_the_same_factor_is_itself_and_others_are_refused() -> None:
    operator = parse_degradation("blur:2+box", factor=4)
    assert operator.with_factor(4) is operator
    for factor in (0, 5):
        with pytest.raises(ValueError, match=f"factor must be from 1 to the operator's own, 4, got {factor}"):
            operator.with_factor(factor)


def test_steps_are_left_out_alone() -> None:
    operator = parse_degradation("jpeg:30+blur:2+box+jpeg:50+noise:25", factor=4)
    assert operator.without_steps() == Declared((GaussianBlur(2),), Box(4), (GaussianNoise(25),))
    assert parse_degradation("jpeg:30+box", factor=4).without_steps() == Box(4)
    smooth = parse_degradation("blur:2+box", factor=4)
    assert smooth.without_steps() is smooth


@pytest.mark.parametrize(
    ("text", "is_linear"),
    [
        ("noise:60+blur:2+mosaic:2+box+blur:1+salt-pepper:0.1+chroma-noise:1", True),
        ("blur:2+box+jpeg:90", False),
        ("jpeg:100+box+noise:3", False),
    ],
)
def test_one_part_that_is_not_linear_makes_the_whole_so(text: str, is_linear: bool) -> None:
    assert parse_degradation(text, factor=4).is_linear == is_linear
