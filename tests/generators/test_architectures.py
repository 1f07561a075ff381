"""From settings and tensors to a generator, and what is refused on the way."""

from dataclasses import asdict

import pytest
import torch

from photopulse.generators.architectures import ARCHITECTURES, assemble, settings_from_values
from photopulse.generators.mobilestylegan import MobileStyleGANSettings
from photopulse.generators.stylegan1 import StyleGAN1, StyleGAN1Settings
from photopulse.generators.stylegan2 import StyleGAN2Settings
from photopulse.generators.stylegan3 import StyleGAN3Settings

TINY = StyleGAN1Settings(resolution=8, channels=(4, 3), z_dim=5, w_dim=6, mapping_layers=2)
SMALL = {
    "mobilestylegan": MobileStyleGANSettings(z_dim=8, w_dim=8, num_mapping_layers=1, channels=(8, 8)),
    "stylegan1": TINY,
    "stylegan2": StyleGAN2Settings(resolution=8, z_dim=8, w_dim=8, mapping_layers=1, channel_base=64),
    "stylegan3": StyleGAN3Settings(resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8, num_layers=4),
}


def tiny_state():
    return StyleGAN1(TINY).state_dict()


def test_there_is_a_small_example_of_every_architecture():
    assert SMALL.keys() == ARCHITECTURES.keys()


@pytest.mark.parametrize("architecture", SMALL)
def test_an_assembled_network_renders_as_the_one_its_tensors_come_from(architecture):
    settings = SMALL[architecture]
    original = ARCHITECTURES[architecture].network(settings, name="x").eval()
    copy = assemble(architecture, settings, original.state_dict(), name="x")
    ws = torch.randn(1, original.num_ws, original.w_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(copy.synthesize(ws), original.synthesize(ws))
    assert not copy.training
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert not any(tensor.is_meta for tensor in [*copy.parameters(), *copy.buffers()])


@pytest.mark.parametrize("architecture", SMALL)
def test_settings_survive_the_way_through_plain_values(architecture):
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(SMALL[architecture]).items()}
    assert settings_from_values(architecture, values) == SMALL[architecture]


def test_half_precision_tensors_become_single_precision():
    state = {key: value.half() for key, value in tiny_state().items()}
    generator = assemble("stylegan1", TINY, state, name="x")
    assert {parameter.dtype for parameter in generator.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["resolution"], "not a JSON object"),
        ({"resolution": 8}, "channels are missing"),
        ({"resolution": 8, "channels": [4, 3], "colour": 1}, "unknown settings colour"),
        ({"resolution": "8", "channels": [4, 3]}, "resolution cannot be a text"),
        ({"resolution": True, "channels": [4, 3]}, "resolution cannot be a truth value"),
        ({"resolution": 8.0, "channels": [4, 3]}, "resolution cannot be a number"),
        ({"resolution": 8, "channels": 4}, "channels cannot be a whole number"),
        ({"resolution": 8, "channels": [4, None]}, "channels cannot be null"),
        ({"resolution": 24, "channels": [4, 3]}, "resolution 24 does not fit"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, why):
    with pytest.raises(ValueError, match=why):
        settings_from_values("stylegan1", values)


def test_a_choice_and_an_optional_number_are_checked():
    values = {"resolution": 8, "architecture": "skip", "conv_clamp": 256}
    assert settings_from_values("stylegan2", values).conv_clamp == 256
    assert settings_from_values("stylegan2", {"resolution": 8, "conv_clamp": None}).conv_clamp is None
    with pytest.raises(ValueError, match="architecture cannot be a text such as 'skipped'"):
        settings_from_values("stylegan2", {"resolution": 8, "architecture": "skipped"})
    with pytest.raises(ValueError, match="conv_clamp cannot be a text"):
        settings_from_values("stylegan2", {"resolution": 8, "conv_clamp": "256"})


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(ValueError, match="stylegan1, stylegan2"):
        settings_from_values("dcgan", {})


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 8192, "channels": (4,) * 12},
        {"w_dim": 10**9},
        {"z_dim": -1},
        {"mapping_layers": 10**6},
        {"channels": (4, 10**7)},
    ],
)
def test_giants_are_refused_before_they_are_built(change):
    settings = StyleGAN1Settings(**{**asdict(TINY), **change})
    with pytest.raises(ValueError, match="must be between"):
        assemble("stylegan1", settings, {}, name="x")


def test_sizes_without_tensors_behind_them_cost_no_memory():
    settings = StyleGAN1Settings(resolution=4096, channels=(4096,) * 11)
    with pytest.raises(ValueError, match="is missing"):
        assemble("stylegan1", settings, {}, name="x")


def test_settings_that_no_network_can_have_are_refused():
    with pytest.raises(ValueError, match="make no network"):
        assemble("stylegan1", StyleGAN1Settings(resolution=8, channels=(0, 3)), {}, name="x")


def broken(key, value):
    state = dict(tiny_state())
    state[key] = value
    return state


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (broken("synthesis.torgb.bias", torch.zeros(4)), r"must be \(3,\), but is \(4,\)"),
        (broken("synthesis.torgb.bias", torch.zeros(3, dtype=torch.int64)), "must be torch.float32"),
        (broken("synthesis.torgb.bias", torch.zeros(3, dtype=torch.complex64)), "must be torch.float32"),
        (broken("synthesis.torgb.bias", torch.tensor([0.0, torch.nan, 0])), "not numbers"),
        (broken("extra", torch.zeros(1)), "extra is unknown"),
        ({}, r"is missing \(and \d+ others\)"),
    ],
)
def test_tensors_that_do_not_fit_are_named(state, why):
    with pytest.raises(ValueError, match=why):
        assemble("stylegan1", TINY, state, name="x")
