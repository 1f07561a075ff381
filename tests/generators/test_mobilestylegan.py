"""The port against the published network (golden vectors of OpenVINO) and against a slow twin written here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.generators.files.load import load_generator
from photopulse.generators.mobilestylegan import MobileStyleGAN, MobileStyleGANSettings, inverse_haar
from photopulse.generators.protocol import Generator

GOLDEN = Path(__file__).parents[1] / "data" / "mobilestylegan_ffhq_1024.npz"

# Low-pass, then the details along rows, columns and the diagonal, as the filters of an orthonormal 2-D Haar transform.
HAAR = np.array([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]]) / 2


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# A slow twin: one picture at a time, weights modulated as the paper writes them, wavelets by transposed convolution.


def twin_haar(x: Tensor) -> Tensor:
    """Undoes the wavelet of x (1, 4C, H, W) channel by channel."""
    count = x.shape[1] // 4
    kernels = torch.from_numpy(HAAR).to(x)[:, None]
    planes = []
    for i in range(count):
        bands = [x[:, i]] + [x[:, count + 3 * i + k] for k in range(3)]
        planes.append(F.conv_transpose2d(torch.stack(bands, dim=1), kernels, stride=2))
    return torch.cat(planes, dim=1)


def twin_affine(state: dict[str, Tensor], layer: str, w: Tensor) -> Tensor:
    return state[layer + ".weight"] @ w + state[layer + ".bias"]


def twin_finish(state: dict[str, Tensor], layer: str, x: Tensor, noise: Tensor | None) -> Tensor:
    grain = state[layer + ".noise_const"][0] if noise is None else noise
    x = x + state[layer + ".noise_strength"] * grain + state[layer + ".bias"].view(1, -1, 1, 1)
    return torch.where(x > 0, x, 0.2 * x)


def twin_conv(state: dict[str, Tensor], layer: str, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
    style = twin_affine(state, layer + ".affine", w)
    kernels = state[layer + ".depthwise"] * style.view(-1, 1, 1, 1)
    planes = [F.conv2d(x[:, i : i + 1], kernels[i : i + 1], padding=1) for i in range(x.shape[1])]
    mixed = torch.einsum("oi,bihw->bohw", state[layer + ".pointwise"][:, :, 0, 0], torch.cat(planes, dim=1))
    return twin_finish(state, layer, mixed, noise)


def twin_image(generator: MobileStyleGAN, ws: Tensor, noise: list[Tensor] | None) -> Tensor:
    """Renders one ws (num_ws, w_dim) with noise maps (1, H, W) each."""
    state = {key: values.to(ws) for key, values in generator.state_dict().items()}
    maps: list[Tensor | None] = list(noise) if noise is not None else [None] * len(generator.noise_shapes)
    weight = state["input.weight"] * twin_affine(state, "input.affine", ws[0]).view(1, -1, 1, 1)
    x = twin_finish(state, "input", F.conv2d(state["input.const"], weight, padding=1), maps[0])
    for i in range(len(generator.settings.channels) - 1):
        first, second = ws[2 * i + 1], ws[2 * i + 2]
        x = twin_haar(x * twin_affine(state, f"blocks.{i}.up", first).view(1, -1, 1, 1))
        x = twin_conv(state, f"blocks.{i}.conv1", x, first, maps[2 * i + 1])
        x = twin_conv(state, f"blocks.{i}.conv2", x, second, maps[2 * i + 2])
    weight = state["image.weight"] * twin_affine(state, "image.affine", ws[-1]).view(1, -1, 1, 1)
    return (twin_haar(F.conv2d(x, weight) + state["image.bias"].view(1, -1, 1, 1)) + 1) / 2


def different_ws(generator: MobileStyleGAN, batch: int) -> Tensor:
    """Another style in each layer, so that no two layers can be mixed up."""
    z = randn(batch * generator.num_ws, generator.z_dim)
    return generator.map(z)[:, 0].reshape(batch, generator.num_ws, generator.w_dim)


@pytest.mark.parametrize("with_noise", [True, False])
@pytest.mark.parametrize("channels", [(16, 16, 16), (8,), (16, 8, 4, 6)])
def test_the_image_and_its_gradients_equal_those_of_a_slow_twin(
    build_generator: Callable[..., MobileStyleGAN], channels: tuple[int, ...], with_noise: bool
):
    generator = build_generator(seed=2, channels=channels).double()
    ws = different_ws(generator.float(), 2).double()
    generator = generator.double()
    noise = [values.double() for values in generator.make_noise(2, torch.Generator().manual_seed(5))]
    inputs = [ws.requires_grad_(), *([values.requires_grad_() for values in noise] if with_noise else [])]
    ours = generator.synthesize(ws, noise if with_noise else None)
    twins = [twin_image(generator, ws[i], [n[i] for n in noise] if with_noise else None) for i in range(2)]
    theirs = torch.cat(twins)
    assert_allclose(ours.detach(), theirs.detach(), atol=1e-10)
    # Some weighting of the pixels, so that the gradients of all of them are compared.
    weighting = randn(*ours.shape, seed=3).double()
    gradients = zip(
        torch.autograd.grad((ours * weighting).sum(), inputs),
        torch.autograd.grad((theirs * weighting).sum(), inputs),
        strict=True,
    )
    for our_gradient, their_gradient in gradients:
        assert our_gradient.abs().max() > 0
        assert_allclose(our_gradient, their_gradient, atol=1e-8)


def test_the_mapping_equals_a_numpy_formula(tiny_generator: MobileStyleGAN):
    z = randn(5, 16)
    x = z.double().numpy()
    x = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8)
    for layer in tiny_generator.mapping:
        x = x @ layer.weight.double().numpy().T + layer.bias.double().numpy()
        x = np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    ws = tiny_generator.map(z)
    assert ws.shape == (5, 6, 16)
    assert_allclose(ws, np.repeat(x[:, None], 6, axis=1), atol=1e-5)


def test_truncation_pulls_the_first_styles_to_the_stored_mean(build_generator: Callable[..., MobileStyleGAN]):
    generator = build_generator()
    generator.w_avg.copy_(torch.linspace(-1, 1, 16))
    z = randn(2, 16)
    whole, half = generator.map(z), generator.map(z, truncation_psi=0.5, truncation_cutoff=2)
    assert_allclose(half[:, :2], (whole[:, :2] + generator.w_avg) / 2, atol=1e-6)
    assert torch.equal(half[:, 2:], whole[:, 2:])
    assert_allclose(generator.map(z, truncation_psi=0.0), generator.w_avg.expand(2, 6, 16), atol=1e-6)


# The wavelet.


def test_inverse_haar_undoes_a_haar_analysis_in_numpy():
    image = randn(2, 3, 8, 6)
    a, b, c, d = (image[:, :, i::2, j::2].numpy() for i in (0, 1) for j in (0, 1))
    low = (a + b + c + d) / 2
    details = np.stack([a + b - c - d, a - b + c - d, a - b - c + d], axis=2) / 2  # (B, C, 3, H, W)
    coefficients = np.concatenate([low, details.reshape(2, 9, 4, 3)], axis=1)
    assert_allclose(inverse_haar(torch.from_numpy(coefficients)), image, atol=1e-6)


def test_each_coefficient_of_one_pixel_is_one_basis_picture():
    for band in range(4):
        coefficients = torch.zeros(1, 8, 2, 2)
        # The second of two channels: its low-pass is number 1, its details are numbers 5, 6 and 7.
        coefficients[0, 1 if band == 0 else 2 + 3 + band - 1, 1, 0] = 1.0
        expected = np.zeros((1, 2, 4, 4))
        expected[0, 1, 2:4, 0:2] = HAAR[band]
        assert_allclose(inverse_haar(coefficients), expected, atol=1e-7)


def test_inverse_haar_is_orthonormal():
    basis = inverse_haar(torch.eye(8 * 4).view(32, 8, 2, 2)).flatten(1)
    assert_allclose(basis @ basis.T, np.eye(32), atol=1e-6)


# The protocol.


@pytest.mark.parametrize(
    ("channels", "resolution", "num_ws", "sizes"),
    [
        ((8,), 8, 2, [4]),
        ((8, 8), 16, 4, [4, 8, 8]),
        ((16, 16, 16), 32, 6, [4, 8, 8, 16, 16]),
        (MobileStyleGANSettings().channels, 1024, 16, [4] + [4 * 2**i for i in range(1, 8) for _ in range(2)]),
    ],
)
def test_sizes_follow_from_the_number_of_blocks(
    channels: tuple[int, ...], resolution: int, num_ws: int, sizes: list[int]
):
    with torch.device("meta"):
        generator = MobileStyleGAN(MobileStyleGANSettings(channels=channels))
    assert generator.resolution == generator.settings.resolution == resolution
    assert generator.num_ws == num_ws
    assert generator.noise_shapes == tuple((1, size, size) for size in sizes)
    stored = [key for key in generator.state_dict() if key.endswith("noise_const")]
    assert [tuple(generator.state_dict()[key].shape) for key in stored] == [(1, *s) for s in generator.noise_shapes]


@pytest.mark.parametrize("channels", [(), (6, 8), (8, 2, 8)])
def test_channels_that_hold_no_wavelet_are_refused(channels: tuple[int, ...]):
    with pytest.raises(ValueError, match="channels must divide by 4"):
        MobileStyleGANSettings(channels=channels)


def test_the_generator_fulfils_the_protocol(tiny_generator: MobileStyleGAN):
    generator: Generator = tiny_generator
    assert (generator.name, generator.z_dim, generator.c_dim, generator.w_dim) == ("tiny", 16, 0, 16)
    assert generator.device == torch.device("cpu")
    random = torch.Generator().manual_seed(0)
    ws = generator.map(torch.randn(2, generator.z_dim, generator=random))
    noise = generator.make_noise(2, random)
    assert [tuple(values.shape) for values in noise] == [(2, *shape) for shape in generator.noise_shapes]
    assert ws.shape == (2, generator.num_ws, generator.w_dim)
    image = generator.synthesize(ws, noise)
    assert image.shape == (2, 3, generator.resolution, generator.resolution)
    assert image.dtype == torch.float32


def test_the_gaussian_map_undoes_the_last_activation_both_ways(tiny_generator: MobileStyleGAN):
    values = randn(3, 6, 16)
    assert_allclose(tiny_generator.map_to_gaussian(tiny_generator.map_from_gaussian(values)), values, atol=1e-6)
    ws = tiny_generator.map(randn(3, 16))
    assert_allclose(tiny_generator.map_from_gaussian(tiny_generator.map_to_gaussian(ws)), ws, atol=1e-6)
    assert_allclose(tiny_generator.map_from_gaussian(torch.tensor([1.0, -1.0])), [2**0.5, -0.2 * 2**0.5], rtol=1e-6)


def test_a_batch_equals_single_pictures(tiny_generator: MobileStyleGAN):
    ws = different_ws(tiny_generator, 3)
    noise = tiny_generator.make_noise(3, torch.Generator().manual_seed(0))
    together, stored = tiny_generator.synthesize(ws, noise), tiny_generator.synthesize(ws)
    for i in range(3):
        one = slice(i, i + 1)
        assert_allclose(tiny_generator.synthesize(ws[one], [n[one] for n in noise]), together[one], atol=1e-5)
        assert_allclose(tiny_generator.synthesize(ws[one]), stored[one], atol=1e-5)


def test_the_stored_noise_can_be_given_too(tiny_generator: MobileStyleGAN):
    ws = different_ws(tiny_generator, 1)
    stored = [values for key, values in tiny_generator.state_dict().items() if key.endswith("noise_const")]
    assert_allclose(tiny_generator.synthesize(ws, stored), tiny_generator.synthesize(ws), atol=1e-6)
    zero = [torch.zeros_like(values) for values in stored]
    assert (tiny_generator.synthesize(ws, zero) - tiny_generator.synthesize(ws)).abs().mean() > 1e-3


def test_rendering_changes_neither_its_inputs_nor_the_weights(tiny_generator: MobileStyleGAN):
    ws = different_ws(tiny_generator, 2)
    noise = tiny_generator.make_noise(2, torch.Generator().manual_seed(0))
    before = [values.clone() for values in (ws, *noise, *tiny_generator.state_dict().values())]
    first = tiny_generator.synthesize(ws, noise)
    assert torch.equal(tiny_generator.synthesize(ws, noise), first)
    for values, old in zip((ws, *noise, *tiny_generator.state_dict().values()), before, strict=True):
        assert torch.equal(values, old)


@pytest.mark.parametrize("shape", [(1, 5, 16), (1, 7, 16), (1, 6, 15), (6, 16), (1, 1, 6, 16), (1, 1, 16)])
def test_ws_of_a_wrong_shape_are_refused(tiny_generator: MobileStyleGAN, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"ws must be \(batch, 6, 16\)"):
        tiny_generator.synthesize(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 15), (16,), (1, 2, 16)])
def test_z_of_a_wrong_shape_is_refused(tiny_generator: MobileStyleGAN, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"z must be \(batch, 16\)"):
        tiny_generator.map(torch.zeros(shape))


def test_noise_of_a_wrong_shape_or_number_is_refused(tiny_generator: MobileStyleGAN):
    ws = different_ws(tiny_generator, 2)
    noise = tiny_generator.make_noise(2, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="takes 5 noise maps, but 4"):
        tiny_generator.synthesize(ws, noise[:-1])
    with pytest.raises(ValueError, match=r"noise map 1 must be \(2, 1, 8, 8\)"):
        tiny_generator.synthesize(ws, [noise[0], noise[0], *noise[2:]])
    with pytest.raises(ValueError, match=r"noise map 0 must be \(2, 1, 4, 4\)"):
        tiny_generator.synthesize(ws, [values[:1] for values in noise])


def test_labels_are_refused_but_empty_ones_are_not(tiny_generator: MobileStyleGAN):
    z = randn(2, 16)
    assert torch.equal(tiny_generator.map(z, torch.zeros(2, 0)), tiny_generator.map(z))
    with pytest.raises(ValueError, match="tiny has no classes"):
        tiny_generator.map(z, torch.zeros(2, 3))


# The published network.


@dataclass(frozen=True)
class Rendered:
    """What we compare of one picture of 1024 px, in [-1, 1], and the style it was made of."""

    index: int
    w: Tensor
    box_mean: Tensor
    crop: Tensor
    statistics: list[float]


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def published(default_weights: None) -> Iterator[Generator]:
    generator = load_generator()
    yield generator
    del generator


@pytest.fixture(scope="module", params=[0, 1, 2])
def rendered(request: pytest.FixtureRequest, golden: dict[str, np.ndarray], published: Generator) -> Rendered:
    """One picture at a time; nothing large is kept."""
    index: int = request.param
    with torch.no_grad():
        ws = published.map(torch.from_numpy(golden["z"][index : index + 1]))
        image = published.synthesize(ws) * 2 - 1
    return Rendered(
        index=index,
        w=ws[0, 0],
        box_mean=F.avg_pool2d(image, 16)[0],
        crop=image[0, :, 448:576, 448:576].clone(),
        statistics=[image.mean().item(), image.std().item(), image.min().item(), image.max().item()],
    )


@pytest.mark.weights
def test_the_published_mapping_equals_openvino(rendered: Rendered, golden: dict[str, np.ndarray]):
    assert_allclose(rendered.w, golden["w"][rendered.index], atol=1e-4)


@pytest.mark.weights
def test_the_published_picture_equals_openvino(rendered: Rendered, golden: dict[str, np.ndarray]):
    i = rendered.index
    assert_allclose(rendered.box_mean, golden["image_box_mean_64"][i], atol=2e-3)
    assert_allclose(rendered.crop, golden["image_crop_448_576"][i].astype(np.float32), atol=2e-3)
    assert_allclose(rendered.statistics, golden["image_mean_std_min_max"][i], atol=2e-3)


@pytest.mark.weights
def test_the_published_mean_style_is_that_of_many_samples(published: Generator):
    assert isinstance(published, MobileStyleGAN)
    assert published.num_ws == 16
    assert published.resolution == 1024
    with torch.no_grad():
        w = published.map(randn(4000, 512, seed=99))[:, 0]
    # Ten standard errors of the mean of 4000 samples.
    assert ((w.mean(0) - published.w_avg).abs() < 10 * w.std(0) / 4000**0.5).all()


@pytest.mark.weights
def test_the_published_noise_is_baked_with_unit_variance(published: Generator):
    assert isinstance(published, MobileStyleGAN)
    state = published.state_dict()
    constants = [values for key, values in state.items() if key.endswith("noise_const")]
    assert len(constants) == len(published.noise_shapes) == 15
    assert_allclose([values.square().mean().sqrt() for values in constants], 1, rtol=1e-4)
