"""Tensors to arrays and back."""

import numpy as np
import pytest
import torch

from photopulse.images.arrays import from_uint8, quantise, to_uint8


def test_every_value_survives_the_round_trip() -> None:
    array = np.arange(768, dtype=np.uint8).reshape(16, 16, 3)
    tensor = from_uint8(array)
    assert tensor.shape == (1, 3, 16, 16)
    assert tensor.dtype == torch.float32
    np.testing.assert_array_equal(to_uint8(tensor), array)
    np.testing.assert_array_equal(to_uint8(tensor[0].double().requires_grad_()), array)


def test_channels_and_rows_keep_their_places() -> None:
    array = np.zeros((2, 3, 3), np.uint8)
    array[1, 2, 0] = 255
    assert from_uint8(array)[0, 0, 1, 2] == 1
    assert from_uint8(array).sum() == 1


def test_values_are_clamped_and_rounded_to_the_nearest_step() -> None:
    values = torch.tensor([-1.0, 0.49 / 255, 0.51 / 255, 254.4 / 255, 1.5, float("inf")])
    array = to_uint8(values.reshape(1, 1, 6).expand(3, 1, 6))
    np.testing.assert_array_equal(array[0, :, 0], [0, 0, 1, 254, 255, 255])


def test_every_16_bit_value_survives() -> None:
    values = torch.arange(65536).reshape(1, 256, 256) / 65535
    np.testing.assert_array_equal(quantise(values, bits=16).ravel(), np.arange(65536))


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (4, 4), (3, 0, 4)])
def test_what_is_not_one_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one image"):
        to_uint8(torch.zeros(shape))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        to_uint8(torch.full((3, 2, 2), float("nan")))


@pytest.mark.parametrize("array", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.float32)])
def test_arrays_that_are_not_rgb_bytes_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        from_uint8(array)
