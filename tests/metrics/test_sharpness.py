"""Sharpness against SciPy's Laplacian and a step worked by hand."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data
from skimage.color import rgb2ycbcr

from photopulse.images import from_uint8
from photopulse.metrics.sharpness import sharpness


def test_sharpness_is_the_variance_of_scipys_laplacian() -> None:
    photos = [data.chelsea()[:120, :150], data.coffee()[:120, :150]]
    expected = [ndimage.laplace(rgb2ycbcr(photo)[..., 0])[1:-1, 1:-1].var() for photo in photos]
    np.testing.assert_allclose(sharpness(torch.cat([from_uint8(photo) for photo in photos])), expected, rtol=1e-4)


def test_one_white_pixel_on_black_is_worked_by_hand() -> None:
    image = torch.zeros(1, 3, 5, 5)
    image[..., 2, 2] = 1
    # Of nine places one has -4 * 219 and four have 219; the mean is 0.
    assert sharpness(image).item() == pytest.approx(219**2 * (16 + 4) / 9, rel=1e-5)


def test_a_flat_image_and_an_even_ramp_have_no_sharpness() -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 16, 32)
    np.testing.assert_allclose(sharpness(torch.cat([flat.repeat(1, 1, 1, 2), ramp])), [0, 0], atol=1e-7)


def test_blur_lowers_sharpness_at_every_step() -> None:
    photo = data.chelsea()[:200, :200].astype(np.float32) / 255
    blurred = [ndimage.gaussian_filter(photo, (sigma, sigma, 0)) for sigma in (0, 0.5, 1, 2, 4)]
    scores = sharpness(torch.from_numpy(np.stack(blurred)).permute(0, 3, 1, 2))
    assert (scores.diff() < 0).all()


def test_what_lies_beyond_black_and_white_does_not_count() -> None:
    random = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, 16, 16, generator=random) * 3 - 1
    assert torch.equal(sharpness(image), sharpness(image.clamp(0, 1)))


def test_images_without_an_inside_are_refused() -> None:
    with pytest.raises(ValueError, match="3 x 3"):
        sharpness(torch.zeros(1, 3, 2, 9))
