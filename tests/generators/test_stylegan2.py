import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings

DATA = Path(__file__).parents[1] / "data"
GOLDEN = ["stylegan2_64", "stylegan2_64_resnet_cond"]
TINY = StyleGAN2Settings(
    resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=12, conv_clamp=256
)


class Golden:
    """The toy network of a golden file, and what the official code computed with it."""

    def __init__(self, name: str) -> None:
        with np.load(DATA / f"{name}.npz") as file:
            self.values = dict(file)
        self.init_kwargs: dict[str, Any] = json.loads(str(self.values["init_kwargs"]))
        self.network = StyleGAN2(StyleGAN2Settings.from_init_kwargs(self.init_kwargs))
        prefix = "state."
        state = {key.removeprefix(prefix): self[key] for key in self.values if key.startswith(prefix)}
        self.network.load_state_dict(state, strict=True)

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(self.values[key])


@pytest.fixture(scope="module", params=GOLDEN)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.fixture
def tiny() -> StyleGAN2:
    torch.manual_seed(0)
    network = StyleGAN2(TINY)
    for key, value in network.named_parameters():
        if key.endswith("noise_strength"):
            value.fill_(0.3)
    network.mapping.w_avg.normal_()
    return network


def zeros(network: StyleGAN2, batch: int) -> list[Tensor]:
    return [torch.zeros(batch, *shape) for shape in network.noise_shapes]


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("ws", {}),
        ("ws_psi0.7", {"truncation_psi": 0.7}),
        ("ws_psi0.5_cut4", {"truncation_psi": 0.5, "truncation_cutoff": 4}),
    ],
)
def test_mapping_agrees_with_the_official_code(golden: Golden, key: str, options: dict[str, Any]):
    ws = golden.network.map(golden["z"], golden["c"], **options)
    assert_allclose(ws, golden[key], atol=1e-5)


def test_image_with_stored_noise_agrees_with_the_official_code(golden: Golden):
    image = golden.network.synthesize(golden["ws"])
    assert_allclose(image * 2 - 1, golden["image_const_noise"], atol=2e-5)


def test_image_without_noise_agrees_with_the_official_code(golden: Golden):
    image = golden.network.synthesize(golden["ws"], zeros(golden.network, 3))
    assert_allclose(image * 2 - 1, golden["image_no_noise"], atol=2e-5)


def test_stored_noise_given_explicitly_makes_the_same_image(golden: Golden):
    network = golden.network
    stored = [value for key, value in network.state_dict().items() if key.endswith("noise_const")]
    noise = [value.expand(3, 1, -1, -1) for value in stored]
    assert [tuple(value.shape[1:]) for value in noise] == list(network.noise_shapes)
    assert_allclose(network.synthesize(golden["ws"], noise), network.synthesize(golden["ws"]), atol=1e-6)


def test_network_fits_the_protocol(tiny: StyleGAN2):
    generator: Generator = tiny
    names = [name for name in [*Generator.__annotations__, *vars(Generator)] if not name.startswith("_")]
    assert [name for name in names if not hasattr(generator, name)] == []
    assert (generator.num_ws, generator.resolution, generator.c_dim) == (6, 16, 0)
    assert generator.noise_shapes == ((1, 4, 4), (1, 8, 8), (1, 8, 8), (1, 16, 16), (1, 16, 16))
    assert generator.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        # Worked by hand: convolutions take the styles in order, an RGB output the one after its block's.
        (
            "skip",
            {
                "b4.conv1": 0,
                "b4.torgb": 1,
                "b8.conv0": 1,
                "b8.conv1": 2,
                "b8.torgb": 3,
                "b16.conv0": 3,
                "b16.conv1": 4,
                "b16.torgb": 5,
            },
        ),
        (
            "orig",
            {"b4.conv1": 0, "b8.conv0": 1, "b8.conv1": 2, "b16.conv0": 3, "b16.conv1": 4, "b16.torgb": 5},
        ),
    ],
)
def test_each_style_feeds_the_layer_that_it_feeds_officially(architecture: Any, expected: dict[str, int]):
    network = StyleGAN2(dataclasses.replace(TINY, architecture=architecture))
    seen: dict[str, int] = {}
    for name, module in network.synthesis.named_modules():
        if name.endswith(".affine"):
            layer = name.removesuffix(".affine")
            module.register_forward_pre_hook(lambda _, args, layer=layer: seen.update({layer: int(args[0][0, 0])}))
    network.synthesize(torch.arange(6.0)[None, :, None].expand(1, 6, 8))
    assert seen == expected


def test_gradient_reaches_every_style_and_noise_map(tiny: StyleGAN2):
    ws = torch.randn(2, 6, 8, requires_grad=True)
    noise = [value.requires_grad_() for value in tiny.make_noise(2, torch.Generator().manual_seed(0))]
    tiny.synthesize(ws, noise).square().sum().backward()
    assert ws.grad is not None
    for gradient in [*ws.grad.unbind(1), *(value.grad for value in noise)]:
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0
    assert all(weight.grad is None for weight in tiny.parameters())


def test_full_truncation_gives_the_mean_style(tiny: StyleGAN2):
    ws = tiny.map(torch.randn(2, 8), truncation_psi=0.0)
    assert_allclose(ws, tiny.mapping.w_avg.expand(2, 6, 8), rtol=1e-6)


def test_a_batch_of_two_equals_two_single_runs(tiny: StyleGAN2):
    ws = torch.randn(2, 6, 8)
    noise = tiny.make_noise(2, torch.Generator().manual_seed(0))
    both = tiny.synthesize(ws, noise)
    for item in range(2):
        own = slice(item, item + 1)
        assert_allclose(both[own], tiny.synthesize(ws[own], [value[own] for value in noise]), atol=1e-5)


def test_mapping_to_the_gaussian_inverts_mapping_from_it(tiny: StyleGAN2):
    values = torch.randn(2, 6, 8)
    assert_allclose(tiny.map_to_gaussian(tiny.map_from_gaussian(values)), values, atol=1e-6)


def test_gaussian_values_are_what_the_last_layer_gives_before_its_activation(tiny: StyleGAN2):
    before: list[Tensor] = []
    tiny.mapping.get_submodule("fc1").register_forward_hook(lambda _, __, output: before.append(output))
    ws = tiny.map(torch.randn(2, 8))
    assert_allclose(tiny.map_to_gaussian(ws[:, 0]), before[0], atol=1e-6)


def test_wrong_noise_and_wrong_ws_are_refused(tiny: StyleGAN2):
    ws = torch.zeros(1, 6, 8)
    with pytest.raises(ValueError, match="takes 5 noise maps, but 4"):
        tiny.synthesize(ws, zeros(tiny, 1)[:4])
    with pytest.raises(ValueError, match="noise map 0"):
        tiny.synthesize(ws, zeros(tiny, 2))
    with pytest.raises(ValueError, match=r"ws must be \(batch, 6, 8\)"):
        tiny.synthesize(ws[:, 0])


def test_clamp_bounds_what_a_convolution_puts_out():
    network = StyleGAN2(dataclasses.replace(TINY, architecture="orig", conv_clamp=0.01))
    image = network.synthesize(torch.randn(1, 6, 8) * 1000)
    assert (image - 0.5).abs().max().item() == pytest.approx(0.005)


def test_network_without_noise_inputs_has_no_noise_tensors():
    settings = StyleGAN2Settings.from_init_kwargs(
        {
            "img_resolution": 16,
            "w_dim": 8,
            "z_dim": 8,
            "channel_max": 4,
            "use_noise": False,
            "num_fp16_res": 4,
        }
    )
    network = StyleGAN2(settings)
    assert network.noise_shapes == ()
    assert not [key for key in network.state_dict() if "noise" in key]
    assert network.make_noise(1, torch.Generator()) == []
    ws = torch.randn(1, 6, 8)
    assert torch.equal(network.synthesize(ws, []), network.synthesize(ws))


def test_settings_survive_json():
    settings = dataclasses.replace(TINY, architecture="resnet", embed_features=7)
    assert StyleGAN2Settings(**json.loads(json.dumps(dataclasses.asdict(settings)))) == settings


def test_nested_settings_of_stylegan2_ada_are_read():
    settings = StyleGAN2Settings.from_init_kwargs(
        {
            "z_dim": 512,
            "c_dim": 0,
            "w_dim": 512,
            "img_resolution": 256,
            "img_channels": 3,
            "mapping_kwargs": {"num_layers": 2, "w_avg_beta": 0.995},
            "synthesis_kwargs": {"channel_base": 16384, "num_fp16_res": 4, "architecture": "resnet"},
        }
    )
    expected = StyleGAN2Settings(
        resolution=256, mapping_layers=2, channel_base=16384, architecture="resnet", conv_clamp=None
    )
    assert settings == expected


def test_clamp_that_a_file_leaves_out_is_its_own_repositorys_default():
    assert StyleGAN2Settings.from_init_kwargs({"img_resolution": 8}).conv_clamp == 256
    assert StyleGAN2Settings.from_init_kwargs({"img_resolution": 8, "synthesis_kwargs": {}}).conv_clamp is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"img_channels": 4}, "img_channels is 4"),
        ({"img_resolution": 100}, "not a power of two"),
        ({"architecture": "unet"}, "architecture is 'unet'"),
        ({"resample_filter": [1, 2, 1]}, "no even number of taps"),
        ({"img_resolution": "64"}, "a value of the wrong type"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(changed: dict[str, object], message: str):
    with pytest.raises(PhotopulseError, match=message):
        StyleGAN2Settings.from_init_kwargs({"img_resolution": 64, **changed})


def test_network_can_be_planned_without_memory():
    with torch.device("meta"):
        plan = StyleGAN2(TINY).state_dict()
    assert {key: value.shape for key, value in plan.items()} == {
        key: value.shape for key, value in StyleGAN2(TINY).state_dict().items()
    }
    assert all(value.is_meta for value in plan.values())
