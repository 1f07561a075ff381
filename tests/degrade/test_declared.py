"""Declared damage: its text, its order, what it does to a picture, and its gradients."""

import re

import pytest
import torch
from torch import Tensor

from photopulse.degrade import (
    DEGRADATION_NAMES,
    Bicubic,
    Box,
    Declared,
    Defocus,
    GaussianBlur,
    GaussianNoise,
    Jpeg,
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
