"""JPEG as a function: the values of the real codec, and gradients of the codec without rounding, worked by hand."""

import io

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn, idctn
from skimage import data
from torch import Tensor

from photopulse.degrade import Jpeg
from photopulse.degrade.jpeg_model import jpeg_model


def faces(side: int) -> Tensor:
    """A face and a cat, (2, 3, side, side)."""
    cuts = (data.astronaut()[:256, 96:352], data.chelsea()[22:278, 100:356])
    small = np.stack([cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA) for cut in cuts])
    return torch.tensor(small).permute(0, 3, 1, 2) / 255


@pytest.mark.parametrize("side", [4, 16, 21, 64])
@pytest.mark.parametrize("quality", [1, 30, 100])
def test_values_are_the_codecs(quality: int, side: int) -> None:
    expected = []
    for picture in faces(side):
        buffer = io.BytesIO()
        pixels = (picture.permute(1, 2, 0) * 255).round().byte().numpy()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        expected.append(torch.tensor(np.asarray(Image.open(buffer))).permute(2, 0, 1) / 255)
    torch.testing.assert_close(jpeg_model(faces(side), quality), torch.stack(expected), atol=1e-6, rtol=0)


def gradient(image: Tensor, quality: int, of: Tensor) -> Tensor:
    image = image.clone().requires_grad_()
    (jpeg_model(image, quality) * of).sum().backward()
    assert image.grad is not None
    return image.grad


def test_gray_gradients_are_those_of_the_quantised_cosines() -> None:
    # A gray block: chroma is zero, so luma's path is SciPy's transform with a gain for each coefficient.
    random = np.random.default_rng(0)
    block = 0.5 + 0.2 * random.standard_normal((8, 8)).cumsum(0) / 3
    wanted = random.standard_normal((8, 8))
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", quality=30)
    steps = np.array(Image.open(buffer).quantization[0]).reshape(8, 8)
    multiples = np.abs(dctn(block * 255 - 128, norm="ortho")) / steps
    gain = np.where(multiples >= 0.5, 1, 0.25 + 1.5 * multiples)
    assert 5 < (gain == 1).sum() < 60
    expected = idctn(gain * dctn(wanted, norm="ortho"), norm="ortho")
    as_image = lambda plane: torch.tensor(plane, dtype=torch.float64).expand(1, 3, 8, 8)  # noqa: E731
    # Luma alone: the loss weighs the three channels alike, and the pixels' three channels move together.
    found = gradient(as_image(block), 30, as_image(wanted) / 3).sum(1)[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_colours_pull_with_a_quarter_of_their_gain_where_there_are_none() -> None:
    # With all gains 1 each channel gets its third; luma's part is whole, that of the absent chroma a quarter.
    flat = torch.full((1, 3, 16, 16), 0.9, dtype=torch.float64)
    found = gradient(flat, 90, torch.full_like(flat, 1 / 3)).mean((0, 2, 3))
    np.testing.assert_allclose(found, 0.25 / 3 + 0.75 * np.array([0.299, 0.587, 0.114]), atol=1e-9)


@pytest.mark.parametrize("value", [-0.4, 1.3])
def test_values_out_of_range_are_clamped_but_keep_their_gradient(value: float) -> None:
    flat = torch.full((1, 3, 16, 16), value)
    assert jpeg_model(flat, 90).unique().tolist() == [float(value > 0)]
    found = gradient(flat, 90, torch.ones_like(flat))
    torch.testing.assert_close(found.mean(), torch.tensor(1.0))


def test_details_that_the_start_lacks_and_the_target_has_are_found() -> None:
    target = Jpeg(30)(faces(16), torch.Generator())
    image = torch.full_like(target, 0.5).requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.03)
    for _ in range(100):
        loss = (jpeg_model(image, 30) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # A mask that stops what is rounded to zero stays near 0.06, where it started.
    assert loss.item() < 1e-3


def test_pictures_of_a_batch_are_apart_and_precision_is_kept() -> None:
    images = faces(16).double()
    both = jpeg_model(images, 30)
    assert both.dtype == torch.float64
    assert torch.equal(both, torch.cat([jpeg_model(image[None], 30) for image in images]))


def test_jacobians_agree_forward_backward_and_in_batches() -> None:
    image = faces(16)[:1].double()
    coded = lambda x: jpeg_model(x, 30)  # noqa: E731
    tangents, cotangents = torch.randn(2, 5, *image.shape, dtype=torch.float64)
    value, moved = torch.func.vmap(lambda t: torch.func.jvp(coded, (image,), (t,)))(tangents)
    pulled = torch.func.vmap(lambda c: torch.func.vjp(coded, image)[1](c)[0])(cotangents)
    assert torch.equal(value[2], coded(image))
    torch.testing.assert_close((moved * cotangents).flatten(1).sum(1), (pulled * tangents).flatten(1).sum(1))


def test_many_pictures_may_be_mapped_over() -> None:
    images = faces(16)
    mapped = torch.func.vmap(lambda image: jpeg_model(image[None], 30)[0])(images)
    torch.testing.assert_close(mapped, jpeg_model(images, 30))
