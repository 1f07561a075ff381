"""The twin against the generator's own layers, and against whole pictures of generators that it can equal exactly."""

import dataclasses
from typing import Literal

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.generators.stylegan2_layers import SynthesisConv
from photopulse.generators.stylegan2_twin import StyleGAN2Twin
from photopulse.generators.twin import Twin

pytestmark = pytest.mark.usefixtures("one_thread")

Architecture = Literal["skip", "resnet", "orig"]
ARCHITECTURES: list[Architecture] = ["skip", "resnet", "orig"]
TINY = StyleGAN2Settings(
    resolution=64, z_dim=8, w_dim=8, mapping_layers=2, channel_base=512, channel_max=12, conv_clamp=4
)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def build(
    architecture: Architecture = "skip", filter: tuple[float, ...] = (1, 3, 3, 1), **changes: object
) -> StyleGAN2:
    """A toy in float64 with seeded random weights, noise and biases."""
    settings = dataclasses.replace(TINY, architecture=architecture, resample_filter=filter, **changes)
    network = StyleGAN2(settings)
    for seed, (key, values) in enumerate(network.state_dict().items()):
        if key.endswith("noise_strength"):
            values.fill_(0.1)
        elif key.endswith("bias"):
            values.add_(randn(*values.shape, seed=seed) * 0.2)
        elif not key.endswith("resample_filter"):
            values.copy_(randn(*values.shape, seed=seed) * (100 if key.startswith("mapping") else 1))
    return network.double()


def different_ws(network: StyleGAN2, batch: int) -> Tensor:
    """Another style in each layer, so that no two layers can be mixed up."""
    return randn(batch, network.num_ws, network.w_dim, seed=99).to(network.mapping.w_avg)


def make_twin(network: StyleGAN2, size: int) -> StyleGAN2Twin:
    twin = network.make_twin(size)
    assert twin is not None
    return twin


def later_convs(network: StyleGAN2, size: int) -> list[SynthesisConv]:
    """The convolutions that come after ``size`` px."""
    layers = [(name.split(".")[0], module) for name, module in network.synthesis.named_modules()]
    return [conv for block, conv in layers if isinstance(conv, SynthesisConv) and int(block.removeprefix("b")) > size]


def repeat_pixels(network: StyleGAN2, size: int) -> None:
    """Leaves the later convolutions no neighbours and no noise; with a box filter, they then repeat pixels."""
    for conv in later_convs(network, size):
        centre = conv.weight[:, :, 1, 1].clone()
        conv.weight.zero_()
        conv.weight[:, :, 1, 1] = centre
        conv.noise_strength.zero_()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [8, 32])
def test_features_are_the_generators_own(architecture: Architecture, size: int):
    network = build(architecture)
    seen: list[tuple[Tensor, Tensor | None]] = []
    block = network.synthesis.get_submodule(f"b{size}")
    block.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    ws = different_ws(network, 2)
    network.synthesize(ws)
    x, rgb = seen[0]
    expected = x if rgb is None else torch.cat([x, rgb], dim=1)
    assert (rgb is not None) == (architecture == "skip")
    assert_allclose(make_twin(network, size).features(ws), expected.permute(0, 2, 3, 1), atol=1e-10)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [8, 16, 32])
def test_where_later_layers_only_repeat_pixels_the_twin_is_exact(architecture: Architecture, size: int):
    network = build(architecture, filter=(1, 1))
    repeat_pixels(network, size)
    ws = different_ws(network, 2)
    picture = network.synthesize(ws)
    repeated = picture[..., :: 64 // size, :: 64 // size]
    assert_allclose(repeated.repeat_interleave(64 // size, 2).repeat_interleave(64 // size, 3), picture, atol=1e-10)
    twin = make_twin(network, size)
    image = twin(ws)
    # Its last filter stands for the bicubic downscaling of the repeated pixels, borders aside.
    assert_allclose(image[..., 2:-2, 2:-2], Bicubic(64 // size)(picture)[..., 2:-2, 2:-2], atol=1e-10)
    twin.tail.filter.zero_()
    twin.tail.filter[:, :, 2, 2] = 1
    assert_allclose(twin(ws), repeated, atol=1e-10)
    assert repeated.std() > 0.05


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_evenly_coloured_pictures_are_exact_to_the_border(architecture: Architecture):
    network = build(architecture, filter=(1, 1))
    repeat_pixels(network, 0)
    const = network.synthesis.get_parameter("b4.const")
    const.copy_(const.mean((1, 2), keepdim=True).expand(-1, 4, 4))
    ws = different_ws(network, 3)
    expected = Bicubic(4)(network.synthesize(ws))
    assert expected.std((2, 3)).max() < 1e-10
    assert expected.std() > 0.05
    assert_allclose(make_twin(network, 16)(ws), expected, atol=1e-10)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_the_last_filter_does_what_enlarging_and_downscaling_did(size: int):
    network = build("skip", conv_clamp=None)
    for resolution in (8, 16, 32, 64):
        if resolution > size:
            torgb = network.synthesis.get_submodule(f"b{resolution}.torgb")
            torgb.weight.zero_()
            torgb.bias.zero_()
    ws = different_ws(network, 2)
    expected = Bicubic(64 // size)(network.synthesize(ws))
    image = make_twin(network, size)(ws)
    inside = slice(3, -3) if size > 8 else slice(2, -2)
    worst = (image - expected)[..., inside, inside].abs().max()
    assert worst < 0.02 * expected.std()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("size", "share"), [(8, 0.3), (16, 0.2), (32, 0.1)])
def test_unfitted_and_of_random_weights_it_is_roughly_right(architecture: Architecture, size: int, share: float):
    network = build(architecture, conv_clamp=None)
    ws = different_ws(network, 8)
    expected = Bicubic(64 // size)(network.synthesize(ws))
    assert (make_twin(network, size)(ws) - expected).square().mean() < share * expected.var()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_equal_numerical_ones(architecture: Architecture):
    network = build(architecture, conv_clamp=None)
    twin = make_twin(network, 16)
    ws = different_ws(network, 1).requires_grad_()
    parameters = list(twin.tail.requires_grad_().parameters())
    assert torch.autograd.gradcheck(lambda ws, *_: twin(ws).sum((2, 3)), (ws, *parameters), fast_mode=True)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_style_and_every_parameter_of_the_tail_gets_a_gradient(architecture: Architecture):
    network = build(architecture)
    twin = make_twin(network, 16)
    ws = different_ws(network, 2).requires_grad_()
    twin.tail.requires_grad_()
    (twin(ws) * randn(2, 3, 16, 16)).sum().backward()
    assert ws.grad is not None
    gradients = [*ws.grad.unbind(1), *(parameter.grad for parameter in twin.tail.parameters())]
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_batch_gives_what_its_items_give():
    network = build()
    ws = different_ws(network, 3)
    twin = make_twin(network, 16)
    assert_allclose(twin(ws), torch.cat([twin(ws[i : i + 1]) for i in range(3)]), atol=1e-10)


def test_it_is_made_frozen_and_leaves_the_generator_alone():
    network = build()
    before = {key: values.clone() for key, values in network.state_dict().items()}
    ws = different_ws(network, 1)
    expected = network.synthesize(ws)
    twin: Twin = make_twin(network, 16)
    assert not any(parameter.requires_grad for parameter in twin.tail.parameters())
    for parameter in twin.tail.parameters():
        parameter.add_(1)
    assert all(torch.equal(before[key], values) for key, values in network.state_dict().items())
    assert torch.equal(network.synthesize(ws), expected)


def test_the_state_of_the_tail_brings_a_fitted_twin_back():
    network = build("resnet")
    ws = different_ws(network, 1)
    fitted, other = make_twin(network, 16), make_twin(network, 16)
    for seed, parameter in enumerate(fitted.tail.parameters()):
        parameter.add_(randn(*parameter.shape, seed=seed) * 0.1)
    assert (fitted(ws) - other(ws)).abs().max() > 0.01
    other.tail.load_state_dict(fitted.tail.state_dict())
    assert torch.equal(fitted(ws), other(ws))


def test_half_precision_renders_nearly_the_same_in_float32():
    network = build().float()
    ws = different_ws(network, 2)
    twin = make_twin(network, 16)
    features = twin.features(ws)
    expected = twin.render(features, ws)
    twin.tail.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        image = twin.render(features, ws)
    assert image.dtype == torch.float32
    assert 0 < (image - expected).abs().max() < 0.1 * expected.std()
    image.sum().backward()
    gradients = [parameter.grad for parameter in twin.tail.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_a_network_without_noise_inputs_has_a_twin():
    network = build(use_noise=False)
    assert make_twin(network, 8)(different_ws(network, 1)).shape == (1, 3, 8, 8)


@pytest.mark.parametrize("size", [0, 4, 12, 64, 128])
def test_there_is_no_twin_of_another_size(size: int):
    assert build().make_twin(size) is None


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [8, 32])
def test_features_that_were_not_changed_finish_as_the_generators_picture(architecture: Architecture, size: int):
    network = build(architecture)
    twin, ws = make_twin(network, size), different_ws(network, 2)
    assert_allclose(twin.finish(twin.features(ws), ws), network.synthesize(ws), atol=1e-9)
