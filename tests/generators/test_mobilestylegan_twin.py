"""The twin against the generator's own layers, and against whole pictures of generators that it can equal exactly."""

from collections.abc import Callable

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.degrade import Bicubic, Box
from photopulse.generators.files.load import load_generator
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.generators.mobilestylegan_twin import MobileStyleGANTwin
from photopulse.generators.twin import Twin

pytestmark = pytest.mark.usefixtures("one_thread")

Build = Callable[..., MobileStyleGAN]
CHANNELS = (16, 8, 12, 6)  # 64 px; the image layer's input needs no multiple of four


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def different_ws(generator: MobileStyleGAN, batch: int) -> Tensor:
    """Another style in each layer, so that no two layers can be mixed up."""
    ws = generator.map(randn(batch * generator.num_ws, generator.z_dim).to(generator.w_avg))
    return ws[:, 0].reshape(batch, generator.num_ws, generator.w_dim)


def make_twin(generator: MobileStyleGAN, size: int) -> MobileStyleGANTwin:
    twin = generator.make_twin(size)
    assert twin is not None
    return twin


def make_coarse(generator: MobileStyleGAN, size: int) -> None:
    """Lets all that comes after ``size`` px repeat pixels: no wavelet details, no neighbours, no noise."""
    doublings = size.bit_length() - 3
    for block in generator.blocks[doublings:]:
        details = slice(block.up.out_features // 4, None)
        block.up.weight[details] = block.up.bias[details] = 0
        for conv in (block.conv1, block.conv2):
            centre = conv.depthwise[:, :, 1, 1].clone()
            conv.depthwise.zero_()
            conv.depthwise[:, :, 1, 1] = centre
            conv.noise_strength.zero_()
    generator.image.weight[3:] = generator.image.bias[3:] = 0


@pytest.mark.parametrize("size", [8, 16, 32])
def test_features_are_the_generators_own(build_generator: Build, size: int):
    generator = build_generator(seed=1, channels=CHANNELS).double()
    ws = different_ws(generator, 2)
    x = generator.input(ws[:, 0], None)
    for i in range(size.bit_length() - 3):
        x = generator.blocks[i](x, ws[:, 2 * i + 1], ws[:, 2 * i + 2], None, None)
    count = x.shape[1] // 4
    bands = [x[:, k] for k in range(count)] + [x[:, count + 3 * k + band] for band in range(3) for k in range(count)]
    expected = torch.stack(bands, dim=-1) if x.shape[1] % 4 == 0 else x.permute(0, 2, 3, 1)
    features = make_twin(generator, size).features(ws)
    assert features.shape == (2, size, size, x.shape[1])
    assert_allclose(features, expected, atol=1e-10)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_where_later_layers_only_repeat_pixels_the_twin_is_exact(build_generator: Build, size: int):
    generator = build_generator(seed=2, channels=CHANNELS)
    generator = generator.double()
    make_coarse(generator, size)
    ws = different_ws(generator, 2)
    expected = Box(64 // size)(generator.synthesize(ws))
    assert expected.std() > 0.001
    assert_allclose(make_twin(generator, size)(ws), expected, atol=1e-10)


def test_gradients_equal_numerical_ones(build_generator: Build):
    generator = build_generator(seed=3, channels=(8, 8, 4)).double()
    ws = different_ws(generator, 1).requires_grad_()
    twin = make_twin(generator, 8)
    parameters = list(twin.tail.requires_grad_().parameters())
    assert torch.autograd.gradcheck(lambda ws, *_: twin(ws).sum((2, 3)), (ws, *parameters), fast_mode=True)


def test_every_style_and_every_parameter_of_the_tail_gets_a_gradient(build_generator: Build):
    generator = build_generator(channels=CHANNELS)
    twin = make_twin(generator, 16)
    ws = different_ws(generator, 2).requires_grad_()
    twin.tail.requires_grad_()
    (twin(ws) * randn(2, 3, 16, 16)).sum().backward()
    assert ws.grad is not None
    gradients = [*ws.grad.unbind(1), *(parameter.grad for parameter in twin.tail.parameters())]
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_a_batch_gives_what_its_items_give(build_generator: Build):
    generator = build_generator(channels=CHANNELS)
    ws = different_ws(generator, 3)
    twin = make_twin(generator, 16)
    assert_allclose(twin(ws), torch.cat([twin(ws[i : i + 1]) for i in range(3)]), rtol=1e-4, atol=1e-4)


def test_it_is_made_frozen_and_leaves_the_generator_alone(build_generator: Build):
    generator = build_generator(channels=CHANNELS)
    before = {key: values.clone() for key, values in generator.state_dict().items()}
    random = torch.random.get_rng_state()
    twin: Twin = make_twin(generator, 16)
    assert torch.equal(random, torch.random.get_rng_state())
    assert not any(parameter.requires_grad for parameter in twin.tail.parameters())
    for parameter in twin.tail.parameters():
        parameter.add_(1)
    assert all(torch.equal(before[key], values) for key, values in generator.state_dict().items())


def test_the_state_of_the_tail_brings_a_fitted_twin_back(build_generator: Build):
    generator = build_generator(channels=CHANNELS)
    ws = different_ws(generator, 1)
    fitted, other = make_twin(generator, 16), make_twin(generator, 16)
    for seed, parameter in enumerate(fitted.tail.parameters()):
        parameter.add_(randn(*parameter.shape, seed=seed) * 0.1)
    assert (fitted(ws) - other(ws)).abs().max() > 0.01
    other.tail.load_state_dict(fitted.tail.state_dict())
    assert torch.equal(fitted(ws), other(ws))


def test_half_precision_renders_nearly_the_same_in_float32(build_generator: Build):
    generator = build_generator(channels=CHANNELS)
    ws = different_ws(generator, 2)
    twin = make_twin(generator, 16)
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


@pytest.mark.parametrize("size", [0, 4, 12, 64, 128])
def test_there_is_no_twin_of_another_size(build_generator: Build, size: int):
    assert build_generator(channels=CHANNELS).make_twin(size) is None


@pytest.mark.weights
@pytest.mark.parametrize(("size", "share"), [(16, 0.2), (64, 0.1)])
def test_the_unfitted_twin_of_the_published_network_shows_the_same_face(default_weights: None, size: int, share: float):
    generator = load_generator()
    with torch.no_grad():
        ws = generator.map(randn(2, 512), truncation_psi=0.7)
        expected = Bicubic(1024 // size)(generator.synthesize(ws))
        twin = generator.make_twin(size)
        assert twin is not None
        error = (twin(ws) - expected).square().mean()
    assert error < share * expected.var()


@pytest.mark.parametrize("size", [8, 16, 32])
def test_features_that_were_not_changed_finish_as_the_generators_picture(build_generator: Build, size: int):
    generator = build_generator(channels=CHANNELS)
    twin, ws = make_twin(generator, size), different_ws(generator, 2)
    assert_allclose(twin.finish(twin.features(ws), ws), generator.synthesize(ws), atol=1e-4)
