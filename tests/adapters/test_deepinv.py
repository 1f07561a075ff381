"""photopulse as a reconstructor of deepinv; skipped where deepinv is not installed."""

import pytest
import torch

from photopulse.degrade import Bicubic, Bilinear
from photopulse.generators.stylegan2 import StyleGAN2
from photopulse.search.fast import FastSettings
from photopulse.training.generator.train import small_settings
from photopulse.training.learner import seeded_weights

dinv = pytest.importorskip("deepinv", reason="the extra deepinv is not installed", exc_type=ImportError)
from photopulse.adapters.deepinv import GeneratorReconstructor, PhysicsDegradation  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    with seeded_weights(0):
        return StyleGAN2(small_settings(32, width=256, channels=16, style=16))


def a_picture(generator: StyleGAN2) -> torch.Tensor:
    return generator.synthesize(generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(3)))).clamp(
        0, 1
    )


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize(("name", "ours"), [("bicubic", Bicubic), ("bilinear", Bilinear)])
def test_the_downsampling_of_both_agrees_but_for_the_origin_and_the_edges(factor, name, ours):
    image = torch.rand(1, 3, 24 * factor, 24 * factor, generator=torch.Generator().manual_seed(0))
    physics = dinv.physics.Downsampling(img_size=image.shape[1:], filter=name, factor=factor, padding="circular")
    # deepinv keeps the first pixel of each block, photopulse its middle.
    shift = factor // 2 - 1
    difference = physics.A(image) - ours(factor)(image.roll((shift, shift), (2, 3)))
    assert difference[..., 4:-4, 4:-4].abs().max() < 1e-5


def test_a_reconstruction_fits_the_measurements(generator: StyleGAN2, tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path))
    physics = dinv.physics.Downsampling(img_size=(3, 32, 32), filter="bicubic", factor=4)
    y = physics.A(torch.cat([a_picture(generator), a_picture(generator).flip(3)]))
    model = GeneratorReconstructor(generator, settings=FastSettings(quality="draft"))
    with torch.no_grad():
        found = model(y, physics)
    assert found.shape == (2, 3, 32, 32)
    start = GeneratorReconstructor(generator, settings=FastSettings(quality="draft", time_limit=1e-6))(y, physics)

    def error(x: torch.Tensor) -> float:
        return (physics.A(x) - y)[0].square().mean().item()

    assert error(found) < 0.2 * error(start)


def test_other_physics_of_the_same_size_work_too(generator: StyleGAN2, tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path))
    physics = dinv.physics.Inpainting((3, 32, 32), mask=0.5)
    y = physics.A(a_picture(generator))
    model = GeneratorReconstructor(generator, settings=FastSettings(quality="draft"), seed=1)
    assert (physics.A(model(y, physics)) - y).square().mean() < y.square().mean()


def test_noise_is_declared_and_measurements_of_other_shapes_are_refused(generator: StyleGAN2, tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path))
    noisy = dinv.physics.Denoising(dinv.physics.GaussianNoise(sigma=0.1))
    degradation = PhysicsDegradation(physics=noisy, factor=1)
    assert degradation.expected_error() == pytest.approx(0.01)
    assert degradation.with_factor(1) is degradation
    with pytest.raises(ValueError, match="factor of 1 only"):
        degradation.with_factor(2)
    with pytest.raises(ValueError, match="divides 32"):
        GeneratorReconstructor(generator)(torch.zeros(1, 3, 5, 5), noisy)
