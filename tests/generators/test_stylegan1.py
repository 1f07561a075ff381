"""StyleGAN1 against golden images of PULSE's port and hand-worked layers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from photopulse.errors import PhotopulseError
from photopulse.generators.stylegan1 import StyleGAN1, StyleGAN1Settings, settings_from_state
from photopulse.generators.stylegan1_layers import UpConv

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[2] / ".." / "shared" / "golden"
SMALL = StyleGAN1Settings(
    resolution=16,
    channels=(6, 5, 4),
    z_dim=7,
    w_dim=9,
    mapping_layers=3,
    stored_noise=True,
    stored_w_avg=True,
)


def tensors(file, *prefixes):
    return {key: torch.tensor(file[key]).float() for key in file.files if key.startswith(prefixes)}


def loaded(state):
    generator = StyleGAN1(settings_from_state(state))
    generator.load_state_dict(state)
    return generator.requires_grad_(False)


def filled(settings, seed=0):
    random = torch.Generator().manual_seed(seed)
    generator = StyleGAN1(settings, name="small").requires_grad_(False)
    for value in generator.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=random))
    return generator


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "stylegan1_256_reduced.npz")


def test_image_equals_the_golden_image(golden):
    generator = loaded(tensors(golden, "synthesis."))
    noise = [torch.tensor(golden[f"noise_{i}"]) for i in range(generator.num_ws)]
    image = generator.synthesize(torch.tensor(golden["ws"]), noise)
    raw = (image * 2 - 1).numpy()
    np.testing.assert_allclose(raw[:, :, 96:160, 96:160], golden["image_crop_96_160"], atol=1e-4)
    box_mean = raw.reshape(1, 3, 32, 8, 32, 8).mean((3, 5))
    np.testing.assert_allclose(box_mean, golden["image_box_mean_32"], atol=1e-4)


def test_gaussian_values_equal_the_golden_ones_and_go_back(golden):
    generator = filled(SMALL)
    values = generator.map_to_gaussian(torch.tensor(golden["w"]))
    np.testing.assert_allclose(values.numpy(), golden["w_inverse_lrelu"], atol=1e-6)
    np.testing.assert_allclose(generator.map_from_gaussian(values).numpy(), golden["w"], atol=1e-6)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of full golden files beside the checkout")
def test_full_golden_file_agrees_for_the_mapping_and_every_pixel():
    full = np.load(SHARED / "stylegan1_256.npz")
    # Exact arithmetic on our side: the golden file, computed in single precision, is 3.4e-4 off by itself.
    generator = loaded(tensors(full, "synthesis.", "mapping.")).double()
    noise = [torch.tensor(full[f"noise_{i}"]).double() for i in range(generator.num_ws)]
    image = generator.synthesize(torch.tensor(full["ws"]).double(), noise)
    np.testing.assert_allclose((image * 2 - 1).numpy(), full["image"], atol=1e-3)
    ws = generator.map(torch.tensor(full["z"]).double())
    for layer in range(generator.num_ws):
        np.testing.assert_allclose(ws[:, layer].numpy(), full["w"], atol=1e-5)


def test_mapping_equals_the_formula_in_float64():
    generator = filled(SMALL)
    z = np.random.default_rng(1).normal(size=(2, 7))
    x = z / np.sqrt((z**2).mean(axis=1, keepdims=True) + 1e-8)
    for i in range(3):
        layer = generator.mapping.get_submodule(f"dense{i}")
        weight = layer.weight.double().numpy() * np.sqrt(2 / x.shape[1]) * 0.01
        x = x @ weight.T + layer.bias.double().numpy() * 0.01
        x = np.where(x > 0, x, 0.2 * x)
    ws = generator.map(torch.tensor(z, dtype=torch.float32))
    assert ws.shape == (2, 6, 9)
    np.testing.assert_allclose(ws[:, 4].numpy(), x, rtol=1e-4, atol=1e-7)


def test_fused_enlarging_is_the_plain_one_with_the_kernel_mirrored():
    random = torch.Generator().manual_seed(3)
    fused, plain = UpConv(3, 2, fused=True), UpConv(3, 2, fused=False)
    weight = torch.randn(2, 3, 3, 3, generator=random)
    fused.weight.data.copy_(weight)
    plain.weight.data.copy_(weight.flip(2, 3))
    x = torch.randn(1, 3, 5, 6, generator=random)
    torch.testing.assert_close(fused(x), plain(x))
    assert fused(x).shape == (1, 2, 10, 12)


def test_plain_enlarging_equals_nearest_convolution_and_binomial_blur():
    random = torch.Generator().manual_seed(4)
    layer = UpConv(3, 2, fused=False)
    layer.weight.data.normal_(generator=random)
    layer.bias.data.normal_(generator=random)
    x = torch.randn(1, 3, 4, 4, generator=random)
    expected = F.conv2d(F.interpolate(x, scale_factor=2), layer.weight * (2 / 27) ** 0.5, padding=1)
    binomial = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    expected = F.conv2d(expected.transpose(0, 1), binomial[None, None], padding=1).transpose(0, 1)
    torch.testing.assert_close(layer(x), expected + layer.bias[:, None, None])


def test_settings_come_back_from_the_state_dict():
    assert settings_from_state(filled(SMALL).state_dict()) == SMALL


def test_a_state_dict_of_something_else_says_what_is_missing():
    with pytest.raises(ValueError, match=r"synthesis\.blocks\.4x4\.epi1"):
        settings_from_state({"weight": torch.zeros(3)})


def test_channel_counts_must_fit_the_resolution():
    with pytest.raises(ValueError, match="channel counts"):
        StyleGAN1Settings(resolution=64, channels=(8, 8))


def test_truncation_moves_ws_towards_the_mean_in_the_first_layers():
    generator = filled(SMALL)
    z = torch.randn(2, 7, generator=torch.Generator().manual_seed(5))
    full = generator.map(z)
    half = generator.map(z, truncation_psi=0.5, truncation_cutoff=4)
    torch.testing.assert_close(half[:, :4], (full[:, :4] + generator.w_avg) / 2)
    torch.testing.assert_close(half[:, 4:], full[:, 4:])


def test_truncation_without_a_mean_style_is_refused():
    generator = filled(StyleGAN1Settings(resolution=8, channels=(4, 4), w_dim=8, z_dim=8))
    with pytest.raises(ValueError, match="w_avg"):
        generator.map(torch.ones(1, 8), truncation_psi=0.7)


def test_mapping_without_mapping_weights_says_so():
    generator = filled(StyleGAN1Settings(resolution=8, channels=(4, 4), w_dim=8, z_dim=8, mapping_layers=0))
    with pytest.raises(PhotopulseError, match="no mapping network"):
        generator.map(torch.ones(1, 8))


def test_missing_noise_means_the_stored_noise():
    generator = filled(SMALL)
    ws = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(6))
    stored = [generator.get_buffer(f"synthesis.noise{i}").expand(2, -1, -1, -1) for i in range(6)]
    zeros = [torch.zeros_like(noise) for noise in stored]
    torch.testing.assert_close(generator.synthesize(ws), generator.synthesize(ws, stored))
    assert (generator.synthesize(ws) - generator.synthesize(ws, zeros)).abs().max() > 0.1


def test_missing_noise_means_zero_noise_where_none_is_stored():
    generator = filled(StyleGAN1Settings(resolution=8, channels=(4, 4), w_dim=8, z_dim=8))
    ws = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(7))
    zeros = [torch.zeros(1, *shape) for shape in generator.noise_shapes]
    torch.testing.assert_close(generator.synthesize(ws), generator.synthesize(ws, zeros))


def test_made_noise_fits_and_repeats_with_the_seed():
    generator = filled(SMALL)
    noise = generator.make_noise(2, torch.Generator().manual_seed(8))
    again = generator.make_noise(2, torch.Generator().manual_seed(8))
    assert [tuple(n.shape) for n in noise] == [(2, 1, s, s) for s in (4, 4, 8, 8, 16, 16)]
    assert all(torch.equal(a, b) for a, b in zip(noise, again, strict=True))
    assert generator.synthesize(torch.zeros(2, 6, 9), noise).shape == (2, 3, 16, 16)


def test_gradients_reach_every_style_and_every_noise_map():
    generator = filled(SMALL)
    ws = torch.randn(1, 6, 9, generator=torch.Generator().manual_seed(9)).requires_grad_()
    noise = [n.requires_grad_() for n in generator.make_noise(1, torch.Generator().manual_seed(9))]
    generator.synthesize(ws, noise).square().sum().backward()
    assert (ws.grad.abs().sum(dim=2) > 0).all()
    assert all(n.grad.abs().sum() > 0 for n in noise)


@pytest.mark.parametrize("shape", [(1, 5, 9), (1, 6, 8), (6, 9)])
def test_styles_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(ValueError, match="ws must be"):
        filled(SMALL).synthesize(torch.zeros(shape))


def test_latents_and_labels_of_a_wrong_shape_are_refused():
    generator = filled(SMALL)
    with pytest.raises(ValueError, match="z must be"):
        generator.map(torch.zeros(1, 8))
    with pytest.raises(ValueError, match="no labels"):
        generator.map(torch.zeros(1, 7), torch.zeros(1, 3))
