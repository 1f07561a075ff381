"""Pixelation: worked by hand, against scikit-image, and as text."""

import numpy as np
import pytest
import torch
from skimage.measure import block_reduce

from photopulse.degrade import Mosaic, parse_corruptions
from photopulse.errors import PhotopulseError

UNUSED = torch.Generator()


def test_each_square_takes_its_mean_and_cut_squares_that_of_what_is_left() -> None:
    image = torch.arange(12.0).reshape(1, 1, 3, 4).expand(1, 3, 3, 4) / 16
    # Rows 0 1 2 3 / 4 5 6 7 / 8 9 10 11: the lower squares have one row.
    expected = torch.tensor([[2.5, 2.5, 4.5, 4.5], [2.5, 2.5, 4.5, 4.5], [8.5, 8.5, 10.5, 10.5]]) / 16
    for plane in Mosaic(2)(image, UNUSED)[0]:
        torch.testing.assert_close(plane, expected)


def test_whole_squares_equal_scikit_images_block_means() -> None:
    image = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    squares = Mosaic(5)(image, UNUSED)
    expected = block_reduce(image.double().numpy(), (1, 1, 5, 5), np.mean)
    np.testing.assert_allclose(squares[:, :, ::5, ::5], expected, atol=1e-6)
    assert torch.equal(squares, squares[:, :, ::5, ::5].repeat_interleave(5, 2).repeat_interleave(5, 3))


def test_a_square_larger_than_the_picture_gives_one_colour() -> None:
    image = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(Mosaic(100)(image, UNUSED), image.mean(dim=(2, 3), keepdim=True).expand_as(image))


def test_squares_of_one_pixel_change_nothing() -> None:
    image = torch.rand(1, 3, 5, 7)
    assert torch.equal(Mosaic(1)(image, UNUSED), image)


def test_done_twice_is_done_once() -> None:
    once = Mosaic(3)(torch.rand(1, 3, 11, 8), UNUSED)
    torch.testing.assert_close(Mosaic(3)(once, UNUSED), once)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_it_keeps_the_precision_and_draws_nothing(dtype: torch.dtype) -> None:
    random = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 8, 8, dtype=torch.float32).to(dtype).requires_grad_()
    squares = Mosaic(2)(image, random)
    assert (squares.dtype, squares.shape, squares.requires_grad) == (dtype, image.shape, False)
    assert torch.equal(random.get_state(), torch.Generator().manual_seed(0).get_state())


def test_it_is_read_and_named_as_text() -> None:
    corruptions = parse_corruptions("noise:5 + mosaic:8.0+jpeg:30")
    assert corruptions.name == "noise:5+mosaic:8+jpeg:30"
    assert corruptions.parts[1] == Mosaic(8)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mosaic", "its number is missing"),
        ("mosaic:0", "the side of the mosaic's squares must be from 1 to 1024, got 0"),
        ("mosaic:2.5", "must be a whole number, got 2.5"),
    ],
)
def test_squares_that_cannot_be_are_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(PhotopulseError, match=reason) as caught:
        parse_corruptions(text)
    assert "mosaic:8" in caught.value.fix
