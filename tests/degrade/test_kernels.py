"""The user's own kernels against SciPy and their own gradients; their files, whole and damaged."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from photopulse.degrade import Bicubic, Box, CustomKernel, load_kernel
from photopulse.errors import PhotopulseError


def random_image(height: int, width: int, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


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


@pytest.mark.parametrize(("taps", "new"), [(16, 2), (16, 1), (40, 4), (41, 4), (47, 3), (9, 2), (64, 1)])
def test_a_kernel_of_ones_stays_the_mean_of_what_it_covers(taps: int, new: int) -> None:
    operator = CustomKernel(torch.full((taps, taps), taps**-2.0), 16)
    smaller = operator.with_factor(new)
    assert smaller.factor == new
    assert smaller.kernel.sum().item() == pytest.approx(1, rel=1e-6)
    # Larger pixels end where the kernel's last ones lie.
    assert max(smaller.kernel.shape) <= (taps + 1) * new / 16 + 2


def test_a_kernel_of_one_block_becomes_the_mean_of_its_larger_pixels() -> None:
    operator = CustomKernel(torch.full((16, 16), 1 / 256), 16)
    torch.testing.assert_close(operator.with_factor(4)(random_image(64, 64)), Box(4)(random_image(64, 64)))
    torch.testing.assert_close(operator.with_factor(1)(random_image(8, 8)), random_image(8, 8))


@pytest.mark.parametrize(("height", "width"), [(48, 40), (49, 41), (80, 15)])
@pytest.mark.parametrize("new", [1, 2, 4, 8])
def test_a_smaller_kernel_does_to_the_mean_picture_what_the_original_does(
    smooth_image: Tensor, height: int, width: int, new: int
) -> None:
    # Lopsided, so that a shift or a flip is seen.
    kernel = torch.linspace(0.2, 1, height)[:, None] * torch.linspace(1, 0.1, width) ** 2
    operator, image = CustomKernel(kernel / kernel.sum(), 16), smooth_image
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    found, expected = operator.with_factor(new)(Box(16 // new)(image))[inside], operator(image)[inside]
    error = (found - expected).square().mean()
    assert error < (5e-4 if new == 1 else 5e-5)
    assert error < 0.1 * (Bicubic(16)(image)[inside] - expected).square().mean()


def test_a_shift_of_a_kernel_is_kept() -> None:
    # One tap, 24 px right of the block's middle: one and a half pixels of 16 px.
    kernel = torch.zeros(1, 65)
    kernel[0, 32 + 24] = 1
    smaller = CustomKernel(kernel, 17).with_factor(1)
    middle = (torch.arange(smaller.kernel.shape[1]) - (smaller.kernel.shape[1] - 1) / 2) @ smaller.kernel[0]
    # The tap is one pixel of 17 wide and lies within one larger pixel, whose middle is at most half of one away.
    assert abs(middle.item() - 24 / 17) <= 0.5


def test_a_kernel_of_the_same_factor_is_itself_and_others_are_refused() -> None:
    operator = CustomKernel(torch.ones(3, 3), 4)
    assert operator.with_factor(4) is operator
    for factor in (0, 5):
        with pytest.raises(ValueError, match=f"factor must be from 1 to the operator's own, 4, got {factor}"):
            operator.with_factor(factor)


def test_a_kernel_is_linear_and_certain() -> None:
    operator = CustomKernel(torch.ones(2, 2) / 4, 2)
    assert operator.is_linear
    assert operator.without_steps() is operator
    assert operator.expected_error() == 0
