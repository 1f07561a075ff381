import math

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.generators.layers import (
    FullyConnected,
    MappingNetwork,
    activate_,
    check_noise,
    check_ws,
    demodulation,
    downsample_fir,
    leaky_relu,
    make_noise,
    modulate,
    pixel_norm,
    truncate,
    undo_leaky_relu,
    upsample_fir,
)
from photopulse.generators.stylegan2 import StyleGAN2Settings


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_leaky_relu_multiplies_by_its_gain_and_negatives_by_a_fifth_more():
    assert_allclose(leaky_relu(torch.tensor([2.0, -2.0]), gain=3.0), [6.0, -1.2], rtol=1e-6)
    assert_allclose(leaky_relu(torch.tensor([1.0])), [math.sqrt(2)], rtol=1e-6)


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_undo_leaky_relu_inverts_leaky_relu(gain: float):
    x = randn(3, 7)
    assert_allclose(undo_leaky_relu(leaky_relu(x, gain), gain), x, atol=1e-6)


def test_activation_in_place_clamps_and_has_the_gradient_of_its_formula():
    x = torch.tensor([-9.0, -1.0, 0.5, 3.0], requires_grad=True)
    y = activate_(x * 1, clamp=1.5)
    assert_allclose(y.detach(), [-1.5, -0.2, 0.5, 1.5], rtol=1e-6)
    y.sum().backward()
    assert x.grad is not None
    assert_allclose(x.grad, [0.0, 0.2, 1.0, 0.0], rtol=1e-6)
    assert_allclose(activate_(torch.tensor([-500.0]), clamp=None), [-100.0])


def test_pixel_norm_divides_by_the_root_mean_square_over_channels():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    expected = [[3 / math.sqrt(12.5), 4 / math.sqrt(12.5)], [0.0, math.sqrt(2)]]
    assert_allclose(pixel_norm(x), expected, rtol=1e-6)


def test_truncation_moves_the_first_styles_towards_the_mean():
    ws = torch.tensor([[[2.0], [2.0], [2.0]]])
    w_avg = torch.tensor([1.0])
    assert truncate(ws, w_avg, 0.25).flatten().tolist() == [1.25, 1.25, 1.25]
    assert truncate(ws, w_avg, 0.25, cutoff=1).flatten().tolist() == [1.25, 2.0, 2.0]
    assert truncate(ws, w_avg, 1.0).flatten().tolist() == [2.0, 2.0, 2.0]


def test_noise_is_drawn_in_order_from_the_generator():
    shapes = [(1, 4, 4), (1, 8, 8)]
    noise = make_noise(shapes, 2, torch.Generator().manual_seed(0), torch.device("cpu"))
    expected = torch.Generator().manual_seed(0)
    for given, shape in zip(noise, shapes, strict=True):
        assert torch.equal(given, torch.randn((2, *shape), generator=expected))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 1, 4, 4)], "takes 2 noise maps, but 1"),
        ([(2, 1, 4, 4), (2, 1, 4, 4)], r"noise map 1 must be \(2, 1, 8, 8\)"),
        ([(1, 1, 4, 4), (2, 1, 8, 8)], r"noise map 0 must be \(2, 1, 4, 4\)"),
    ],
)
def test_wrong_noise_is_named(shapes: list[tuple[int, ...]], message: str):
    with pytest.raises(ValueError, match=message):
        check_noise([torch.zeros(shape) for shape in shapes], [(1, 4, 4), (1, 8, 8)], batch=2)


@pytest.mark.parametrize("shape", [(2, 5), (2, 9, 5), (2, 10, 4)])
def test_wrong_ws_are_named(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"ws must be \(batch, 10, 5\)"):
        check_ws(torch.zeros(shape), 10, 5)
    check_ws(torch.zeros(2, 10, 5), 10, 5)


def test_fully_connected_scales_weight_and_bias_at_run_time():
    layer = FullyConnected(4, 1, lr_multiplier=0.01, bias_init=3.0)
    layer.weight.data.fill_(50.0)
    # 0.01 * (4 ones * 50 / sqrt(4) + 3)
    assert layer(torch.ones(1, 4)).item() == pytest.approx(1.03)


@pytest.fixture
def conditional_mapping() -> MappingNetwork:
    settings = StyleGAN2Settings(resolution=4, z_dim=4, c_dim=3, w_dim=5, mapping_layers=2)
    return MappingNetwork(settings, embed_features=6, layer_features=7)


def test_mapping_ignores_the_length_of_z_but_not_the_label(conditional_mapping: MappingNetwork):
    z, c = randn(2, 4), torch.eye(3)[:2]
    w = conditional_mapping(z, c)
    assert w.shape == (2, 5)
    assert_allclose(conditional_mapping(z * 7, c).detach(), w.detach(), rtol=1e-4)
    assert not torch.allclose(conditional_mapping(z, torch.eye(3)[1:]), w)


def test_factored_demodulation_equals_a_convolution_with_each_samples_own_weight():
    x, weight, styles = randn(2, 3, 6, 6), randn(4, 3, 3, 3, seed=1), randn(2, 3, seed=2)
    shared = F.conv2d(modulate(x, styles), weight) * demodulation(weight, styles)[:, :, None, None]
    for item in range(2):
        own = weight * styles[item, None, :, None, None]
        own = own / own.flatten(1).norm(dim=1)[:, None, None, None]
        assert_allclose(shared[item], F.conv2d(x[item : item + 1], own)[0], atol=1e-5)


def stuffed_and_filtered(image: np.ndarray, kernel: np.ndarray, up: int, pads: tuple[int, int]) -> np.ndarray:
    """Zero-stuffing, padding or cropping, and convolution as scipy does it."""
    stuffed = np.zeros([size * up for size in image.shape])
    stuffed[::up, ::up] = image
    before, after = pads
    stuffed = np.pad(stuffed, (max(before, 0), max(after, 0)))
    stuffed = stuffed[max(-before, 0) :, max(-before, 0) :]
    stuffed = stuffed[: stuffed.shape[0] - max(-after, 0), : stuffed.shape[1] - max(-after, 0)]
    return scipy.signal.convolve2d(stuffed, kernel, mode="valid")


@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize(("up", "pads"), [(2, (2, 1)), (2, (9, 8)), (4, (5, 0)), (2, (-1, -3)), (1, (3, 2))])
def test_upsampling_equals_zero_stuffing_and_convolution_by_scipy(separable: bool, up: int, pads: tuple[int, int]):
    x = randn(1, 2, 7, 7)
    taps = randn(6, seed=1)
    kernel = torch.outer(taps, taps) if separable else randn(6, 6, seed=1)
    result = upsample_fir(x, taps if separable else kernel, up, pads)
    for channel in range(2):
        expected = stuffed_and_filtered(x[0, channel].numpy(), kernel.numpy() * up**2, up, pads)
        assert_allclose(result[0, channel], expected, atol=2e-4)


@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize(("down", "padding"), [(1, 0), (1, 1), (2, 0), (2, 3)])
def test_downsampling_equals_convolution_and_decimation_by_scipy(separable: bool, down: int, padding: int):
    x = randn(1, 2, 11, 11)
    taps = randn(4, seed=1)
    kernel = torch.outer(taps, taps) if separable else randn(4, 4, seed=1)
    result = downsample_fir(x, taps if separable else kernel, down, padding)
    for channel in range(2):
        full = stuffed_and_filtered(x[0, channel].numpy(), kernel.numpy(), 1, (padding, padding))
        assert_allclose(result[0, channel], full[::down, ::down], atol=1e-5)
