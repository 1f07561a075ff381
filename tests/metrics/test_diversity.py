"""Diversity against NumPy and values worked by hand."""

import numpy as np
import pytest
import torch

from photopulse.metrics.diversity import diversity


def test_diversity_is_numpys_standard_deviation_over_the_answers() -> None:
    images = torch.rand(5, 3, 12, 9, generator=torch.Generator().manual_seed(0))
    expected = (255 * images.double().numpy()).std(axis=0).mean()
    assert diversity(images) == pytest.approx(expected, rel=1e-5)


def test_one_answer_and_equal_answers_have_none() -> None:
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert diversity(image) == 0
    assert diversity(image.repeat(4, 1, 1, 1)) == pytest.approx(0, abs=1e-4)


def test_half_black_half_white_is_the_most() -> None:
    images = torch.cat([torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)])
    assert diversity(images) == pytest.approx(127.5)


def test_two_answers_that_differ_in_one_channel_are_worked_by_hand() -> None:
    images = torch.full((2, 3, 4, 4), 0.5)
    images[0, 1] += 30 / 255
    # Half of the difference of 30 grey levels, in one of three channels.
    assert diversity(images) == pytest.approx(15 / 3, rel=1e-5)


def test_what_lies_beyond_black_and_white_does_not_count() -> None:
    assert diversity(torch.tensor([1.0, 1.5, 3.0]).view(3, 1, 1, 1).expand(3, 3, 4, 4)) == 0


def test_the_order_of_the_answers_and_their_precision_hardly_matter() -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    expected = diversity(images)
    assert diversity(images.flip(0)) == pytest.approx(expected, rel=1e-5)
    assert diversity(images.to(torch.bfloat16)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("wrong", [torch.zeros(3, 8, 8), torch.zeros(2, 1, 8, 8), torch.zeros(0, 3, 8, 8)])
def test_what_are_not_pictures_is_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="image must be"):
        diversity(wrong)


def test_the_error_of_numpy_style_bytes_is_told() -> None:
    with pytest.raises(ValueError, match="floating"):
        diversity(torch.from_numpy(np.zeros((2, 3, 4, 4), dtype=np.uint8)))
