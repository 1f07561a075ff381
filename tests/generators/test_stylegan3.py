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
from photopulse.generators.stylegan3 import StyleGAN3, StyleGAN3Settings, plan_signals
from photopulse.generators.stylegan3_layers import Signal, low_pass

DATA = Path(__file__).parents[1] / "data"
GOLDEN = ["stylegan3t_64", "stylegan3r_64"]
TINY = StyleGAN3Settings(resolution=32, z_dim=8, w_dim=8, channel_base=128, channel_max=6, num_layers=4, margin_size=4)


class Golden:
    """The toy network of a golden file, and what the official code computed with it."""

    def __init__(self, name: str) -> None:
        with np.load(DATA / f"{name}.npz") as file:
            self.values = dict(file)
        self.init_kwargs: dict[str, Any] = json.loads(str(self.values["init_kwargs"]))
        self.settings = StyleGAN3Settings.from_init_kwargs(self.init_kwargs)
        self.network = StyleGAN3(self.settings)
        prefix = "state."
        self.state = {key.removeprefix(prefix): self[key] for key in self.values if key.startswith(prefix)}
        self.network.load_state_dict(self.state, strict=True)

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(self.values[key])


@pytest.fixture(scope="module", params=GOLDEN)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


@pytest.fixture
def tiny() -> StyleGAN3:
    torch.manual_seed(0)
    network = StyleGAN3(TINY)
    network.mapping.w_avg.normal_()
    network.synthesis.input.affine.weight.normal_()
    return network


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("ws", {}),
        ("ws_psi0.7", {"truncation_psi": 0.7}),
        ("ws_psi0.5_cut4", {"truncation_psi": 0.5, "truncation_cutoff": 4}),
    ],
)
def test_mapping_agrees_with_the_official_code(golden: Golden, key: str, options: dict[str, Any]):
    ws = golden.network.map(golden["z"], **options)
    assert_allclose(ws, golden[key], atol=1e-5)


def test_image_agrees_with_the_official_code(golden: Golden):
    image = golden.network.synthesize(golden["ws"])
    assert_allclose(image * 2 - 1, golden["image_const_noise"], atol=1e-5)


def test_filters_are_designed_as_in_official_files(golden: Golden):
    designed = {key: value for key, value in StyleGAN3(golden.settings).state_dict().items() if "filter" in key}
    assert len(designed) == 12
    for key, value in designed.items():
        assert_allclose(value, golden.state[key], atol=1e-7)


def test_radial_filter_is_the_same_from_every_side():
    signal = Signal(size=36, sampling_rate=16, cutoff=4.0, half_width=4.0, channels=1)
    kernel = low_pass(12, signal, 32, radial=True)
    assert kernel is not None
    assert kernel.sum().item() == pytest.approx(1)
    for same in (kernel.T, kernel.flip(0), kernel.rot90()):
        assert_allclose(kernel, same, atol=1e-7)


def test_filter_passes_what_is_below_the_cutoff_and_stops_what_is_above():
    signal = Signal(size=36, sampling_rate=16, cutoff=4.0, half_width=4.0, channels=1)
    taps = low_pass(24, signal, 64)
    assert taps is not None
    response = np.abs(np.fft.rfft(taps.numpy(), 640))  # ten bins for one cycle per image
    assert response[0] == pytest.approx(1, abs=1e-5)
    assert response[40] == pytest.approx(0.5, abs=0.05)
    assert response[90:].max() < 0.02


# The names of the layers, L<index>_<size>_<channels>, of the official networks.
FFHQ_1024_T = (
    "36_512 36_512 52_512 52_512 84_512 148_512 148_512 276_323 276_203 532_128 1044_81 1044_51 1044_32 1024_32 1024_3"
)
FFHQ_512_R = (
    "36_1024 36_1024 52_1024 52_1024 84_1024 84_1024 148_1024 148_967 276_645 276_431 532_287 532_192 "
    "532_128 512_128 512_3"
)


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        (FFHQ_1024_T, StyleGAN3Settings(resolution=1024)),
        (FFHQ_512_R, StyleGAN3Settings(resolution=512, channel_base=65536, channel_max=1024)),
    ],
)
def test_layers_are_planned_as_in_the_official_networks(expected: str, settings: StyleGAN3Settings):
    planned = [f"{signal.size}_{signal.channels}" for signal in plan_signals(settings)]
    assert planned == expected.split()


def test_network_fits_the_protocol(tiny: StyleGAN3):
    generator: Generator = tiny
    names = [name for name in [*Generator.__annotations__, *vars(Generator)] if not name.startswith("_")]
    assert [name for name in names if not hasattr(generator, name)] == []
    assert (generator.num_ws, generator.resolution, generator.c_dim) == (6, 32, 0)
    assert generator.noise_shapes == ()
    assert generator.make_noise(2, torch.Generator()) == []
    assert generator.device == torch.device("cpu")


def test_styles_feed_the_input_and_then_the_layers_in_order(tiny: StyleGAN3):
    seen: dict[str, int] = {}
    for name, module in tiny.synthesis.named_modules():
        if name.endswith(".affine"):
            layer = name.split("_")[0].removesuffix(".affine")
            module.register_forward_pre_hook(lambda _, args, layer=layer: seen.update({layer: int(args[0][0, 0])}))
    tiny.synthesize(torch.arange(6.0)[None, :, None].expand(1, 6, 8))
    assert seen == {"input": 0, "L0": 1, "L1": 2, "L2": 3, "L3": 4, "L4": 5}


def test_moving_the_input_moves_the_image():
    golden = Golden("stylegan3t_64")
    ws = golden["ws"][:1]
    before = golden.network.synthesize(ws)
    # Four pixels are one whole pixel of the lowest sampling rate, so the networks move by whole pixels.
    golden.network.synthesis.input.transform[0, 2] = 4 / 64
    after = golden.network.synthesize(ws)
    assert_allclose(after[..., 16:48, 16:44], before[..., 16:48, 20:48], atol=1e-5)
    assert (after - before)[..., 16:48, 16:48].abs().max() > 0.01


def test_gradient_reaches_every_style(tiny: StyleGAN3):
    ws = torch.randn(2, 6, 8, requires_grad=True)
    tiny.synthesize(ws).square().sum().backward()
    assert ws.grad is not None
    for gradient in ws.grad.unbind(1):
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0
    assert all(weight.grad is None for weight in tiny.parameters())


def test_full_truncation_gives_the_mean_style(tiny: StyleGAN3):
    ws = tiny.map(torch.randn(2, 8), truncation_psi=0.0)
    assert_allclose(ws, tiny.mapping.w_avg.expand(2, 6, 8), rtol=1e-6)


def test_a_batch_of_two_equals_two_single_runs(tiny: StyleGAN3):
    ws = torch.randn(2, 6, 8)
    both = tiny.synthesize(ws)
    assert both.shape == (2, 3, 32, 32)
    for item in range(2):
        assert_allclose(both[item : item + 1], tiny.synthesize(ws[item : item + 1]), atol=1e-5)


def test_mapping_to_the_gaussian_inverts_mapping_from_it(tiny: StyleGAN3):
    values = torch.randn(2, 6, 8)
    assert_allclose(tiny.map_to_gaussian(tiny.map_from_gaussian(values)), values, atol=1e-6)


def test_wrong_noise_and_wrong_ws_are_refused(tiny: StyleGAN3):
    ws = torch.zeros(1, 6, 8)
    with pytest.raises(ValueError, match="takes 0 noise maps, but 1"):
        tiny.synthesize(ws, [torch.zeros(1, 1, 32, 32)])
    with pytest.raises(ValueError, match=r"ws must be \(batch, 6, 8\)"):
        tiny.synthesize(ws[:, :5])
    assert torch.equal(tiny.synthesize(ws, []), tiny.synthesize(ws))


@pytest.mark.parametrize("changed", [{"lrelu_upsampling": 1}, {"conv_kernel": 1}, {"conv_clamp": None}])
def test_other_shapes_of_the_network_render_the_planned_sizes(changed: dict[str, Any]):
    network = StyleGAN3(dataclasses.replace(TINY, **changed))
    sizes: list[int] = []
    for name in network.synthesis.layer_names:
        network.synthesis.get_submodule(name).register_forward_hook(
            lambda _, __, output: sizes.append(output.shape[-1])
        )
    network.synthesize(torch.randn(1, 6, 8))
    assert sizes == [signal.size for signal in plan_signals(network.settings)]


def test_settings_survive_json():
    settings = dataclasses.replace(TINY, use_radial_filters=True, conv_clamp=None)
    assert StyleGAN3Settings(**json.loads(json.dumps(dataclasses.asdict(settings)))) == settings


def test_settings_of_an_official_file_are_read():
    settings = StyleGAN3Settings.from_init_kwargs(
        {
            "z_dim": 512,
            "c_dim": 0,
            "w_dim": 512,
            "img_resolution": 256,
            "img_channels": 3,
            "mapping_kwargs": {"num_layers": 2},
            "channel_base": 65536,
            "channel_max": 1024,
            "magnitude_ema_beta": 0.9997,
            "conv_kernel": 1,
            "use_radial_filters": True,
        }
    )
    assert settings == StyleGAN3Settings(
        resolution=256, channel_base=65536, channel_max=1024, conv_kernel=1, use_radial_filters=True
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"img_channels": 1}, "img_channels is 1"),
        ({"img_resolution": 48}, "not a power of two"),
        ({"num_critical": 14}, "14 of its 14 layers"),
        ({"use_noise": True}, "unknown setting use_noise"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(changed: dict[str, object], message: str):
    with pytest.raises(PhotopulseError, match=message):
        StyleGAN3Settings.from_init_kwargs({"img_resolution": 64, **changed})


def test_network_can_be_planned_without_memory():
    with torch.device("meta"):
        plan = StyleGAN3(TINY).state_dict()
    assert {key: value.shape for key, value in plan.items()} == {
        key: value.shape for key, value in StyleGAN3(TINY).state_dict().items()
    }
    assert all(value.is_meta for value in plan.values())
