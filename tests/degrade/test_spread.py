"""Differentiable blurs against OpenCV's, which ``blur.py`` computes, and against their own gradients."""

import pytest
import torch
from torch import Tensor

from photopulse.degrade import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.blur import Blur
from photopulse.degrade.spread import spread

BLURS = (MotionBlur(7, 30), MotionBlur(4), Defocus(2.5), GaussianBlur(0.3), GaussianBlur(3))
UNUSED = torch.Generator()


def random_image(height: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("size", [(16, 16), (31, 48), (128, 9)])
@pytest.mark.parametrize("blur", BLURS, ids=lambda blur: blur.name)
def test_every_blur_has_the_numbers_of_its_corruption(blur: Blur, size: tuple[int, int]) -> None:
    image = random_image(*size)
    torch.testing.assert_close(spread(image, blur), blur(image, UNUSED), atol=2e-6, rtol=0)


@pytest.mark.parametrize("blur", [MotionBlur(41), Defocus(20), GaussianBlur(8)], ids=lambda blur: blur.name)
def test_a_kernel_may_be_larger_than_the_image(blur: Blur) -> None:
    image = random_image(6, 9, torch.float64)
    torch.testing.assert_close(spread(image, blur), blur(image, UNUSED), atol=1e-6, rtol=0)


@pytest.mark.parametrize("blur", BLURS, ids=lambda blur: blur.name)
def test_gradients_are_exact(blur: Blur) -> None:
    image = random_image(5, 4, torch.float64)[:1, :1].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spread(x, blur), (image,))


def test_precision_is_kept_and_low_precision_computed_higher() -> None:
    image = random_image(16, 16)
    low = spread(image.bfloat16(), Defocus(3))
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.float(), spread(image, Defocus(3)), atol=5e-3, rtol=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert spread(image, Defocus(3)).dtype == torch.float32


def test_a_first_use_in_inference_mode_does_not_spoil_later_gradients() -> None:
    image = random_image(11, 13)
    with torch.inference_mode():
        spread(image, Defocus(1.75))
    image.requires_grad_()
    spread(image, Defocus(1.75)).sum().backward()
    # Mirrored edges spread a pixel's weight over inside pixels alone, so nothing is lost in total.
    assert image.grad is not None
    assert image.grad.sum().item() == pytest.approx(image.numel(), rel=1e-5)
