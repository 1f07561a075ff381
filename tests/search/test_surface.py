"""The smooth surface that closes what gap a search leaves."""

import pytest
import torch
from torch import Tensor

from photopulse.degrade import (
    Bicubic,
    Box,
    ChromaNoise,
    Declared,
    Degradation,
    GaussianBlur,
    GaussianNoise,
    Jpeg,
    Nearest,
)
from photopulse.search.surface import close_gap, strongest_unseen

pytestmark = pytest.mark.usefixtures("one_thread")

EPS = 1e-4


def picture(batch: int = 1, *, size: int = 64, seed: int = 0) -> Tensor:
    """Smooth pictures between 0.3 and 0.7."""
    coarse = torch.rand(batch, 3, size // 8, size // 8, generator=torch.Generator().manual_seed(seed))
    return 0.3 + 0.4 * torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")


def ripple(small: Tensor, *, strength: float, seed: int = 1) -> Tensor:
    """Adds what has that root mean square."""
    change = torch.randn(small.shape, generator=torch.Generator().manual_seed(seed))
    return small + change * strength / change.square().mean((1, 2, 3), keepdim=True).sqrt()


def error(image: Tensor, target: Tensor, degradation: Degradation) -> Tensor:
    return (degradation(image) - target).double().square().mean((1, 2, 3))


@pytest.mark.parametrize(
    "degradation",
    [
        Bicubic(4),
        Box(4),
        Nearest(4),
        # What noise does on average is bent near black and white alone.
        Declared((), Bicubic(4), (GaussianNoise(8),)),
        Declared((), Bicubic(4), (ChromaNoise(40), GaussianNoise(40))),
    ],
    ids=lambda each: each.name,
)
def test_a_gap_that_a_weak_surface_can_close_is_closed_and_no_further(degradation: Degradation):
    image = picture()
    target = ripple(degradation(image), strength=0.02)
    found = close_gap(image, target, degradation, eps=EPS)
    assert error(image, target, degradation).item() == pytest.approx(4e-4, rel=1e-3)
    # A margin for the rounding to 8 bits, no more: a full correction would reach 0.
    assert 0.9 * EPS < error(found.image, target, degradation).item() <= EPS
    added = (found.image - image).square().mean().sqrt().item()
    assert found.strength.item() == pytest.approx(added, rel=1e-4)
    assert 0 < added < 0.02


def test_a_surface_is_never_stronger_than_what_goes_unseen():
    image = picture(3)
    gaps = (0.02, 0.05, 0.1)
    small = Bicubic(4)(image)
    target = torch.cat([ripple(small[i : i + 1], strength=gap) for i, gap in enumerate(gaps)])
    found = close_gap(image, target, Bicubic(4), eps=EPS)
    moved = (Bicubic(4)(found.image) - small).square().mean((1, 2, 3)).sqrt()
    limit = strongest_unseen(16)
    assert moved[0] < limit * 0.5
    torch.testing.assert_close(moved[1:], torch.full((2,), limit), rtol=0.02, atol=0)
    after = error(found.image, target, Bicubic(4))
    assert (after[1:] > EPS).all()
    assert (after < error(image, target, Bicubic(4))).all()


def test_the_strength_that_goes_unseen_is_seven_levels_at_16_px_and_grows_slowly():
    assert strongest_unseen(16) * 255 == pytest.approx(7)
    assert strongest_unseen(256) == pytest.approx(2 * strongest_unseen(16))


@pytest.mark.parametrize("gap", [0.0, 0.5, 0.97, 0.99, 1.0])
def test_a_picture_within_eps_stays_as_it_is_whatever_stands_beside_it(gap: float):
    image = picture(2)
    small = Bicubic(4)(image)
    strengths = (gap * EPS**0.5 * 0.9999, 0.05)
    target = torch.cat([ripple(small[i : i + 1], strength=value) for i, value in enumerate(strengths)])
    found = close_gap(image, target, Bicubic(4), eps=EPS)
    assert torch.equal(found.image[0], image[0])
    assert found.strength[0].item() == 0
    assert found.strength[1].item() > 0
    (alone,) = close_gap(image[:1], target[:1], Bicubic(4), eps=EPS).image
    assert torch.equal(alone, image[0])


def test_items_do_not_influence_each_other():
    image = picture(2)
    target = ripple(Bicubic(4)(image), strength=0.03)
    together = close_gap(image, target, Bicubic(4), eps=EPS)
    for i in range(2):
        alone = close_gap(image[i : i + 1], target[i : i + 1], Bicubic(4), eps=EPS)
        torch.testing.assert_close(together.image[i : i + 1], alone.image, rtol=0, atol=1e-6)
        torch.testing.assert_close(together.strength[i : i + 1], alone.strength, rtol=1e-4, atol=0)


def test_pictures_beyond_the_range_are_clamped_first():
    image = picture() * 3 - 1
    target = Bicubic(4)(image.clamp(0, 1)).clamp(0, 1)
    found = close_gap(image, target, Bicubic(4), eps=1e-3)
    assert torch.equal(found.image, image.clamp(0, 1))


@pytest.mark.parametrize("degradation", [Bicubic(4), Box(4), Nearest(4)], ids=lambda each: each.name)
def test_the_surface_has_nothing_finer_than_the_input(degradation: Degradation):
    image = picture()
    found = close_gap(image, ripple(degradation(image), strength=0.02), degradation, eps=1e-6)
    energy = torch.fft.fft2(found.image - image).abs().square().sum((0, 1))
    frequency = torch.fft.fftfreq(64).abs()
    finest = torch.maximum(frequency[:, None], frequency)
    # The input's finest waves have 1 / 8 of a period in a pixel of the picture: single pixels or blocks would show.
    assert energy[finest > 0.25].sum() < 0.01 * energy.sum()


def test_what_a_declared_blur_took_away_is_not_brought_back_by_force():
    # Undoing the blur would take a surface many times stronger than the gap.
    blurred = Declared((GaussianBlur(4),), Bicubic(4), ())
    image = picture()
    target = ripple(blurred(image), strength=0.02)
    found = close_gap(image, target, blurred, eps=EPS)
    added = Bicubic(4)(found.image - image).square().mean().sqrt().item()
    assert added == pytest.approx(strongest_unseen(16), rel=0.02)
    assert EPS < error(found.image, target, blurred).item() < error(image, target, blurred).item()
    # What the blur leaves alone is closed as ever.
    smooth = blurred(image) + torch.linspace(-0.03, 0.03, 16)
    closed = close_gap(image, smooth, blurred, eps=EPS)
    assert error(closed.image, smooth, blurred).item() <= EPS
    assert closed.strength < strongest_unseen(16)


def test_jpeg_has_no_surface():
    with pytest.raises(ValueError, match="not linear"):
        close_gap(picture(), picture(size=16), Declared((), Bicubic(4), (Jpeg(30),)), eps=EPS)
