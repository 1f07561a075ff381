"""The downscaling operators against PULSE's golden vectors, Pillow and their own gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from photopulse.degrade import DEGRADATION_NAMES, Bicubic, Bilinear, Box, Lanczos, Nearest, make_degradation

GOLDEN = Path(__file__).parents[1] / "data" / "bicubic_downsample.npz"


def random_image(height: int, width: int, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("size", "factor"), [(32, 2), (64, 4), (64, 16), (256, 32)])
def test_bicubic_equals_pulse(size: int, factor: int) -> None:
    with np.load(GOLDEN) as golden:
        image = torch.from_numpy(golden[f"bicubic_{size}_f{factor}_in"])
        expected = golden[f"bicubic_{size}_f{factor}_out"]
    np.testing.assert_allclose(Bicubic(factor)(image), expected, atol=2e-5)


def test_bicubic_equals_pulse_from_1024_to_16() -> None:
    with np.load(GOLDEN) as golden:
        seed = torch.from_numpy(golden["bicubic_1024x_input_8x8_bilinear_to_1024"])
        expected = golden["bicubic_1024_f64_out"]
    image = F.interpolate(seed, size=(1024, 1024), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(Bicubic(64)(image), expected, atol=2e-5)


def pillow_resize(image: Tensor, factor: int, resample: Image.Resampling) -> np.ndarray:
    height, width = image.shape[2] // factor, image.shape[3] // factor
    planes = [Image.fromarray(plane.numpy()).resize((width, height), resample) for plane in image[0]]
    return np.stack([np.asarray(plane) for plane in planes])[None]


@pytest.mark.parametrize("factor", [2, 3, 8])
@pytest.mark.parametrize(
    ("operator", "resample"),
    [
        (Box, Image.Resampling.BOX),
        (Bilinear, Image.Resampling.BILINEAR),
        (Lanczos, Image.Resampling.LANCZOS),
        (Nearest, Image.Resampling.NEAREST),
    ],
)
def test_operators_equal_pillow_edges_included(operator: type, resample: Image.Resampling, factor: int) -> None:
    image = random_image(24, 48)
    np.testing.assert_allclose(operator(factor)(image), pillow_resize(image, factor, resample), atol=2e-6)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bicubic_equals_pillow_away_from_the_edges(factor: int) -> None:
    image = random_image(96, 96)
    expected = pillow_resize(image, factor, Image.Resampling.BICUBIC)
    np.testing.assert_allclose(Bicubic(factor)(image)[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=2e-6)


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
@pytest.mark.parametrize("size", [(8, 8), (16, 32), (64, 24)])
def test_a_constant_image_stays_constant(name: str, size: tuple[int, int]) -> None:
    small = make_degradation(name, factor=8)(torch.full((2, 3, *size), 0.3))
    assert small.shape == (2, 3, size[0] // 8, size[1] // 8)
    torch.testing.assert_close(small, torch.full_like(small, 0.3))


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_factor_one_changes_nothing(name: str) -> None:
    image = random_image(7, 5)
    torch.testing.assert_close(make_degradation(name, factor=1)(image), image)


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_gradients_are_exact(name: str) -> None:
    image = random_image(6, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(make_degradation(name, factor=2), (image,))


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_backward_is_the_adjoint_of_forward(name: str) -> None:
    operator = make_degradation(name, factor=4)
    image = random_image(16, 12, dtype=torch.float64).requires_grad_()
    small = random_image(4, 3, seed=1, dtype=torch.float64)
    (back,) = torch.autograd.grad(operator(image), image, small)
    other = random_image(16, 12, seed=2, dtype=torch.float64)
    torch.testing.assert_close((operator(other) * small).sum(), (other * back).sum())


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_a_size_that_does_not_divide_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not divide by 5"):
        make_degradation(name, factor=5)(random_image(10, 12))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 3, 0, 8)])
def test_what_is_no_image_batch_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Bicubic(2)(torch.zeros(shape))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="bicubic, bilinear, box, lanczos, nearest"):
        make_degradation("cubic", factor=2)


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_a_factor_below_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make_degradation(name, factor=0)


def test_low_precision_images_are_summed_in_float32() -> None:
    image = random_image(256, 256).bfloat16()
    small = Bicubic(64)(image)
    assert small.dtype == torch.bfloat16
    torch.testing.assert_close(small, Bicubic(64)(image.float()).bfloat16(), rtol=0, atol=0)


def test_autocast_does_not_lower_the_precision() -> None:
    image = random_image(64, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        small = Bicubic(16)(image)
    torch.testing.assert_close(small, Bicubic(16)(image), rtol=0, atol=0)


def test_weights_first_built_in_inference_mode_still_serve_a_search() -> None:
    image = random_image(44, 44)
    with torch.inference_mode():
        Lanczos(11)(image)
    image.requires_grad_()
    Lanczos(11)(image).sum().backward()
    assert image.grad is not None


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_a_plain_operator_keeps_its_kind_and_is_the_identity_at_one(name: str) -> None:
    operator = make_degradation(name, factor=64)
    assert operator.with_factor(2) == make_degradation(name, factor=2)
    torch.testing.assert_close(operator.with_factor(1)(random_image(16, 16)), random_image(16, 16))
    assert operator.with_factor(64) is operator


@pytest.mark.parametrize("factor", [0, 5])
def test_a_rendering_smaller_than_the_result_or_larger_than_the_picture_is_refused(factor: int) -> None:
    with pytest.raises(ValueError, match=f"factor must be from 1 to the operator's own, 4, got {factor}"):
        Box(4).with_factor(factor)


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_plain_operators_are_linear_and_certain(name: str) -> None:
    operator = make_degradation(name, factor=4)
    one, other = (random_image(32, 32, seed=seed, dtype=torch.float64) for seed in (1, 2))
    assert operator.is_linear
    torch.testing.assert_close(operator((one + other) / 2), (operator(one) + operator(other)) / 2)
    assert operator.without_steps() is operator
    assert operator.expected_error() == 0
