"""Inverting a toy generator: what its styles can draw, and what only changed features can."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.inversion import InversionSettings, invert
from photopulse.search.kit import SearchKit
from photopulse.search.prior import fit_prior

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")

QUICK = InversionSettings(style_evaluations=((8, 20), (16, 20)), feature_evaluations=20, feature_pull=1e-3)


@pytest.fixture(scope="module")
def large_kit(build_generator: Callable[..., MobileStyleGAN]) -> SearchKit:
    """A generator of 64 px, whose features of 32 px are changed."""
    generator = build_generator(channels=(12, 12, 12, 12))
    return SearchKit(generator=generator, prior=fit_prior(generator, samples=2000))


@pytest.fixture
def faces(large_kit: SearchKit) -> Tensor:
    generator: Any = large_kit.generator
    random = torch.Generator().manual_seed(1)
    return generator.synthesize(generator.map(torch.randn(3, 16, generator=random), truncation_psi=0.7)).clamp(0, 1)


def small(image: Tensor, size: int = 32) -> Tensor:
    return F.interpolate(image, (size, size), mode="bicubic", antialias=True, align_corners=False)


def no_blur(count: int) -> Tensor:
    return torch.zeros(count)


def test_a_face_with_a_mark_that_no_style_draws_is_drawn_with_it(large_kit: SearchKit, faces: Tensor):
    marked = faces.clone()
    marked[..., 24:40, 24:40] = 1 - marked[..., 24:40, 24:40]
    plain = invert(marked, no_blur(3), large_kit, feature_size=32, settings=replace(QUICK, feature_evaluations=1))
    found = invert(marked, no_blur(3), large_kit, feature_size=32, settings=QUICK)
    assert found.image.shape == (3, 3, 64, 64)
    assert found.ws.shape == (3, large_kit.generator.num_ws, 16)
    # What the twin fits, the generator draws, but for the twin's own error.
    far, near = ((small(result.image) - small(marked)).square().mean((1, 2, 3)) for result in (plain, found))
    assert (near < far / 2).all()
    # The styles alone are as far as before: the mark tells how unlike the face is.
    clean = invert(faces, no_blur(3), large_kit, feature_size=32, settings=QUICK)
    assert found.style_error.mean() > 1.2 * clean.style_error.mean()


def test_a_stronger_pull_changes_the_features_less(large_kit: SearchKit, faces: Tensor):
    wanted = faces.flip(3)
    weak, strong = (
        invert(wanted, no_blur(3), large_kit, feature_size=32, settings=replace(QUICK, feature_pull=pull)).image
        for pull in (1e-3, 10.0)
    )
    near, far = ((small(image) - small(wanted)).square().mean((1, 2, 3)) for image in (weak, strong))
    assert (near < far / 2).all()


def test_a_blur_that_is_told_is_undone_and_not_copied(large_kit: SearchKit, faces: Tensor):
    line = torch.arange(-9, 10).float()
    bell = torch.exp(-line.square() / (2 * 3.0**2))
    bell = (bell / bell.sum()).expand(3, 1, 1, -1)
    padded = F.pad(faces, (9,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(padded, bell, groups=3), bell.transpose(2, 3), groups=3)
    known = invert(blurred, torch.full((3,), 3.0 / 64), large_kit, feature_size=32, settings=QUICK)
    unknown = invert(blurred, no_blur(3), large_kit, feature_size=32, settings=QUICK)

    def contrast(image: Tensor) -> Tensor:
        return small(image).diff(dim=3).abs().mean((1, 2, 3))

    assert (contrast(known.image) > contrast(unknown.image)).all()


def test_the_same_faces_give_the_same_pictures_whatever_the_batch(large_kit: SearchKit, faces: Tensor):
    one, again = (invert(faces, no_blur(3), large_kit, feature_size=32, settings=QUICK) for _ in range(2))
    assert torch.equal(one.image, again.image)
    alone = invert(faces[1:2], no_blur(1), large_kit, feature_size=32, settings=QUICK)
    # Rounding grows along a search; what must agree is the fit.
    assert (small(alone.image) - small(one.image[1:2])).abs().mean() < 0.02


def test_a_generator_without_twins_is_refused(large_kit: SearchKit, faces: Tensor, retwin: Any):
    bare = SearchKit(generator=retwin(large_kit.generator, lambda size: None), prior=large_kit.prior)
    with pytest.raises(PhotopulseError, match="it has no twin of"):
        invert(faces, no_blur(3), bare, feature_size=32)
