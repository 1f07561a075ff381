"""The downscaling operators against PULSE's golden vectors, Pillow, SciPy and their own gradients."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from torch import Tensor

from photopulse.degrade import (
    DEGRADATION_NAMES,
    Bicubic,
    Bilinear,
    Box,
    CustomKernel,
    Lanczos,
    Nearest,
    load_kernel,
    make_degradation,
)
from photopulse.errors import PhotopulseError

GOLDEN = Path(__file__).parent / "data" / "bicubic_downsample.npz"


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


@pytest.mark.parametrize(("kernel_size", "factor"), [((5, 3), 1), ((5, 3), 3), ((4, 4), 2), ((2, 2), 4)])
def test_a_custom_kernel_equals_scipy(kernel_size: tuple[int, int], factor: int) -> None:
    image = random_image(12, 12)
    kernel = torch.rand(kernel_size, generator=torch.Generator().manual_seed(3))
    # SciPy lays the middle of an even kernel of k taps on tap k/2, an odd one's on the middle tap.
    start = [(factor - taps) // 2 + taps // 2 for taps in kernel_size]
    expected = np.stack([ndimage.correlate(p.numpy(), kernel.numpy(), mode="mirror") for p in image[0]])
    expected = expected[:, start[0] :: factor, start[1] :: factor]
    np.testing.assert_allclose(CustomKernel(kernel, factor)(image)[0], expected, atol=1e-5)


def test_a_custom_box_equals_box() -> None:
    image = random_image(16, 8)
    torch.testing.assert_close(CustomKernel(torch.full((4, 4), 1 / 16), 4)(image), Box(4)(image))


def test_a_custom_kernel_may_be_larger_than_the_image() -> None:
    small = CustomKernel(torch.full((31, 31), 31.0**-2), 2)(torch.full((1, 3, 4, 2), 0.7))
    torch.testing.assert_close(small, torch.full((1, 3, 2, 1), 0.7))


def test_custom_kernels_have_exact_gradients() -> None:
    kernel = torch.rand(3, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    image = random_image(4, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(CustomKernel(kernel, 2), (image,))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (1, 3, 3)])
def test_a_custom_kernel_must_be_a_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be a matrix"):
        CustomKernel(torch.zeros(shape), 2)


def test_kernels_load_from_every_file_type_and_sum_to_one(tmp_path: Path) -> None:
    values = np.arange(1.0, 7).reshape(2, 3)
    np.save(tmp_path / "k.npy", values)
    np.savetxt(tmp_path / "k.txt", values)
    np.savetxt(tmp_path / "k.csv", values, delimiter=",")
    for suffix in ("npy", "txt", "csv"):
        np.testing.assert_allclose(load_kernel(tmp_path / f"k.{suffix}"), values / 21, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"1 2\n3 x\n", "could not convert"),
        ("a.txt", b"", "sides of 1 to 1024"),
        ("a.csv", b"1,nan\n2,3\n", "not a finite"),
        ("a.csv", b"1,-1\n-1,1\n", "sum to zero"),
        ("a.npy", b"no array", "cannot use"),
        ("a.jpg", b"1 2", "hold no kernel"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_unusable_kernels_are_named_with_the_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PhotopulseError, match=reason) as caught:
        load_kernel(tmp_path / name)
    assert name in str(caught.value)


def test_missing_and_pickled_kernels_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "object.npy", np.array([[os.getcwd]], dtype=object), allow_pickle=True)
    for name in ("object.npy", "missing.npy"):
        with pytest.raises(PhotopulseError):
            load_kernel(tmp_path / name)


@settings(deadline=None)
@given(content=st.binary(max_size=60), suffix=st.sampled_from([".npy", ".txt", ".csv"]))
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_damaged_kernel_files_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("kernel") / f"k{suffix}"
    path.write_bytes((b"\x93NUMPY\x01\x00" if suffix == ".npy" else b"") + content)
    try:
        kernel = load_kernel(path)
    except PhotopulseError:
        return
    assert kernel.ndim == 2
