"""Luma against scikit-image's BT.601 and values worked by hand."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr

from photopulse.metrics.luma import byte_luma, check_pair, luma


def random_image(*, seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 3, 17, 23, generator=torch.Generator().manual_seed(seed))


def grey_image(level: int) -> torch.Tensor:
    return torch.full((1, 3, 2, 2), level / 255)


def test_luma_equals_scikit_image() -> None:
    image = random_image()
    expected = rgb2ycbcr(image.permute(0, 2, 3, 1).double().numpy())[..., 0]
    np.testing.assert_allclose(luma(image)[:, 0], expected, atol=1e-4)
    np.testing.assert_allclose(luma(image.double())[:, 0], expected, atol=1e-10)


def test_pure_colours_have_their_weights_above_black() -> None:
    colours = torch.eye(3).reshape(3, 3, 1, 1)
    np.testing.assert_allclose(luma(colours).flatten(), [81.481, 144.553, 40.966], rtol=1e-6)
    assert byte_luma(colours).flatten().tolist() == [81, 145, 41]
    assert byte_luma(colours, truncate=True).flatten().tolist() == [81, 144, 40]


@pytest.mark.parametrize(("level", "expected"), [(0, 16), (85, 89), (170, 162), (255, 235)])
@pytest.mark.parametrize("truncate", [False, True])
def test_greys_with_a_whole_luma_do_not_lose_a_level_to_rounding_errors(
    level: int, expected: int, truncate: bool
) -> None:
    assert byte_luma(grey_image(level), truncate=truncate).unique().tolist() == [expected]


def test_byte_luma_is_the_rounded_luma_of_the_bytes() -> None:
    levels = np.random.default_rng(1).integers(0, 256, (1, 3, 64, 64))
    image = torch.from_numpy(levels / 255)
    exact = rgb2ycbcr(levels[0].transpose(1, 2, 0).astype(np.uint8))[..., 0]
    np.testing.assert_array_equal(byte_luma(image)[0, 0], np.rint(exact))
    np.testing.assert_array_equal(byte_luma(image, truncate=True)[0, 0], np.floor(exact))


def test_byte_luma_sees_what_a_file_would_show() -> None:
    beyond = torch.tensor([-0.3, 0.4993, 1.7]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    stored = torch.tensor([0.0, 127 / 255, 1.0]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    assert torch.equal(byte_luma(beyond), byte_luma(stored))


def test_luma_is_differentiable() -> None:
    image = random_image().requires_grad_()
    luma(image).sum().backward()
    assert image.grad is not None
    np.testing.assert_allclose(image.grad[0, :, 0, 0], [65.481, 128.553, 24.966], rtol=1e-6)


def test_half_precision_is_computed_in_float32() -> None:
    image = random_image().half()
    assert torch.equal(luma(image), luma(image.float()))
    assert torch.equal(byte_luma(image), byte_luma(image.float()))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 3, 0, 8)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\)"):
        luma(torch.zeros(shape))


def test_bytes_and_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="floating point"):
        luma(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match="not a number"):
        byte_luma(torch.full((1, 3, 4, 4), torch.nan))


def test_a_pair_of_two_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        check_pair(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
