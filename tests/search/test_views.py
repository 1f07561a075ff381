"""Views of a generator's picture as small as the input: which ones there are, and what each shows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from photopulse.degrade import Bicubic, Box, Declared, GaussianBlur, GaussianNoise, Jpeg
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.generators.twin import Twin
from photopulse.search.kit import SearchKit
from photopulse.search.prior import GaussianPrior
from photopulse.search.problem import SearchProblem
from photopulse.search.views import views_of

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")

Pose = Callable[..., SearchProblem]


@pytest.fixture
def ws(tiny_generator: MobileStyleGAN) -> Tensor:
    return tiny_generator.map(torch.randn(2, 16, generator=torch.Generator().manual_seed(3)))


def the_twin(kit: SearchKit, size: int = 16) -> Twin:
    twin = kit.twin(size)
    assert twin is not None
    return twin


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_twin_as_large_as_the_input_or_larger_is_the_only_view(pose: Pose, kit: SearchKit, ws: Tensor, factor: int):
    problem = pose(degradation=Bicubic(factor))
    (view,) = views_of(problem, kit)
    assert (view.height, view.is_full, view.is_true) == (16, False, False)
    assert view.target is problem.target
    expected = the_twin(kit)(ws) if factor == 2 else Bicubic(factor // 2)(the_twin(kit)(ws))
    torch.testing.assert_close(view(ws), expected)


def test_the_kind_of_the_degradation_is_kept(pose: Pose, kit: SearchKit, ws: Tensor):
    (view,) = views_of(pose(degradation=Box(8)), kit)
    torch.testing.assert_close(view(ws), the_twin(kit)(ws).unflatten(3, (4, 4)).unflatten(2, (4, 4)).mean((3, 5)))


def test_without_twins_the_generator_itself_is_seen(
    pose: Pose, tiny_generator: MobileStyleGAN, prior: GaussianPrior, retwin: Any, ws: Tensor
):
    kit = SearchKit(generator=retwin(tiny_generator, lambda size: None), prior=prior)
    problem = pose()
    (view,) = views_of(problem, kit)
    assert (view.height, view.is_full, view.is_true) == (32, True, True)
    assert view.target is problem.target
    torch.testing.assert_close(view(ws), Bicubic(4)(tiny_generator.synthesize(ws)))


def test_inputs_larger_than_all_twins_are_first_seen_smaller_and_then_in_full(
    build_generator: Callable[..., MobileStyleGAN], prior: GaussianPrior, retwin: Any
):
    generator = build_generator(channels=(8, 8, 8, 8))
    kit = SearchKit(
        generator=retwin(generator, lambda size: generator.make_twin(size) if size == 16 else None), prior=prior
    )
    target = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    problem = SearchProblem(target=target, degradation=Bicubic(2), generator=generator, prior=prior, seeds=(0,))
    small, full = views_of(problem, kit)
    assert [(view.height, view.is_full, view.is_true) for view in (small, full)] == [
        (16, False, False),
        (64, True, True),
    ]
    for plane, made in zip(target[0].numpy(), small.target[0].numpy(), strict=True):
        resized = Image.fromarray(plane).resize((16, 16), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(made, np.asarray(resized), atol=1e-5)
    assert full.target is target
    some = generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(small(some), the_twin(kit)(some))


def test_declared_blur_and_noise_are_seen_at_the_twins_size(pose: Pose, kit: SearchKit, ws: Tensor):
    # The blur of the large picture is half as wide in the twin's pixels; the noise is that of the small picture.
    declared = Declared((GaussianBlur(4),), Bicubic(4), (GaussianNoise(60),))
    (view,) = views_of(pose(degradation=declared), kit)
    blurred = GaussianBlur(2).expected(the_twin(kit)(ws))
    shown = GaussianNoise(60).expected(Bicubic(2)(blurred))
    torch.testing.assert_close(view(ws), shown, atol=2e-3, rtol=0)
    assert (view(ws) - Bicubic(2)(the_twin(kit)(ws))).abs().max() > 0.01


@pytest.mark.parametrize("twins", [True, False])
def test_jpeg_is_left_to_the_correction(
    pose: Pose,
    kit: SearchKit,
    tiny_generator: MobileStyleGAN,
    prior: GaussianPrior,
    retwin: Any,
    ws: Tensor,
    twins: bool,
):
    if not twins:
        kit = SearchKit(generator=retwin(kit.generator, lambda size: None), prior=kit.prior)
    (view,) = views_of(pose(degradation=Declared((), Bicubic(4), (Jpeg(20), GaussianNoise(60)))), kit)
    (smooth,) = views_of(pose(degradation=Declared((), Bicubic(4), (GaussianNoise(60),))), kit)
    (plain,) = views_of(pose(), kit)
    assert torch.equal(view(ws), smooth(ws))
    (only,) = views_of(pose(degradation=Declared((), Bicubic(4), (Jpeg(20),))), kit)
    assert torch.equal(only(ws), plain(ws))
    assert [(each.is_full, each.is_true) for each in (view, smooth)] == [(not twins, False), (not twins, not twins)]


def test_gradients_of_the_styles_are_those_of_finite_differences(pose: Pose, kit: SearchKit, ws: Tensor):
    (view,) = views_of(pose(), kit)
    point = ws.clone().requires_grad_()
    weights = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(8))
    ((view(point) * weights).sum()).backward()
    step = torch.randn(ws.shape, generator=torch.Generator().manual_seed(9)) * 1e-2
    with torch.no_grad():
        slope = ((view(ws + step) - view(ws - step)) * weights).sum() / 2
    assert point.grad is not None
    torch.testing.assert_close((point.grad * step).sum(), slope, rtol=2e-2, atol=1e-4)
