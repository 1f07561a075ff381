"""TensorFlow-era pickles, built here in the official structure; pictures against NumPy in their layout."""

import pickle
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d, correlate2d

from photopulse.errors import PhotopulseError
from photopulse.generators.files.nvidia_tf import tf_network_from
from photopulse.generators.files.nvidia_torch import PickledNetwork
from photopulse.generators.stylegan1 import StyleGAN1, settings_from_state
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.safe_pickle.read import read_pickle

W, RESOLUTION = 6, 16
CHANNELS = {4: 4, 8: 4, 16: 2}


class Network:
    """Pickles as the official class does: by name and state."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


Network.__module__ = "dnnlib.tflib.network"
Variables = dict[str, Any]


def array(rng: np.random.Generator, *shape: int) -> Any:
    return rng.normal(size=shape).astype(np.float32)


def mapping_variables(rng: np.random.Generator) -> Variables:
    found: Variables = {}
    for i, width in enumerate([5, W]):  # z has 5 numbers
        found[f"mapping/Dense{i}/weight"] = array(rng, width, W)
        found[f"mapping/Dense{i}/bias"] = array(rng, W)
    return found | {"dlatent_avg": array(rng, W)}


def stylegan1_variables() -> Variables:
    rng = np.random.default_rng(1)
    found = mapping_variables(rng) | {"synthesis/lod": np.float32(0), "lod": np.float32(0)}
    for i, (side, width) in enumerate(CHANNELS.items()):
        block = f"synthesis/{side}x{side}"
        fan_in = CHANNELS.get(side // 2, width)
        first, second = ("Const", "Conv") if side == 4 else ("Conv0_up", "Conv1")
        for scope in (first, second):
            found[f"{block}/{scope}/bias"] = array(rng, width)
            found[f"{block}/{scope}/Noise/weight"] = array(rng, width)
            found[f"{block}/{scope}/StyleMod/weight"] = array(rng, W, 2 * width)
            found[f"{block}/{scope}/StyleMod/bias"] = array(rng, 2 * width)
        if side == 4:
            found[f"{block}/Const/const"] = array(rng, 1, width, 4, 4)
        else:
            found[f"{block}/Conv0_up/weight"] = array(rng, 3, 3, fan_in, width)
        found[f"{block}/{second}/weight"] = array(rng, 3, 3, width, width)
        found[f"synthesis/ToRGB_lod{2 - i}/weight"] = array(rng, 1, 1, width, 3)
        found[f"synthesis/ToRGB_lod{2 - i}/bias"] = array(rng, 3)
        found[f"synthesis/noise{2 * i}"] = array(rng, 1, 1, side, side)
        found[f"synthesis/noise{2 * i + 1}"] = array(rng, 1, 1, side, side)
    return found


def stylegan2_variables(architecture: str = "skip") -> Variables:
    rng = np.random.default_rng(2)
    found = mapping_variables(rng) | {"synthesis/4x4/Const/const": array(rng, 1, 4, 4, 4)}

    def convolution(name: str, size: int, fan_in: int, width: int) -> None:
        found[f"{name}/weight"] = array(rng, size, size, fan_in, width)
        found[f"{name}/bias"] = array(rng, width)
        found[f"{name}/mod_weight"] = array(rng, W, fan_in)
        found[f"{name}/mod_bias"] = array(rng, fan_in)

    index = 0
    for side, width in CHANNELS.items():
        block, fan_in = f"synthesis/{side}x{side}", CHANNELS.get(side // 2, width)
        for scope in ["Conv"] if side == 4 else ["Conv0_up", "Conv1"]:
            convolution(f"{block}/{scope}", 3, fan_in if scope == "Conv0_up" else width, width)
            found[f"{block}/{scope}/noise_strength"] = rng.normal(size=()).astype(np.float32)[()]
            found[f"synthesis/noise{index}"] = array(rng, 1, 1, side, side)
            index += 1
        if architecture == "resnet" and side > 4:
            found[f"{block}/Skip/weight"] = array(rng, 1, 1, fan_in, width)
        if architecture == "skip" or side == RESOLUTION:
            convolution(f"{block}/ToRGB", 1, width, 3)
    return found


def networks(variables: Variables, *, nested: bool = True, **static_kwargs: Any) -> Any:
    """(G, D, Gs), the variables either with the components or all with Gs."""

    def network(name: str, own: Variables, components: Any = None) -> Network:
        return Network(
            version=4,
            name=name,
            static_kwargs={"resolution": RESOLUTION} | static_kwargs,
            components=components or {},
            build_module_src="open('pwned', 'w')",
            build_func_name="G_main",
            variables=list(own.items()),
        )

    if not nested:
        flat = {f"G_{k}" if "/" in k else k: v for k, v in variables.items()}
        return 0, 1, network("Gs", flat)
    scopes = {
        scope: {k.removeprefix(f"{scope}/"): v for k, v in variables.items() if k.startswith(f"{scope}/")}
        for scope in ("mapping", "synthesis")
    }
    components = {scope: network(f"G_{scope}", own) for scope, own in scopes.items()}
    return 0, 1, network("Gs", {k: v for k, v in variables.items() if "/" not in k}, components)


def dump(content: Any, protocol: int = 4) -> bytes:
    """The pickle of ``content``; the official module exists only while it is written."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        sys.modules["dnnlib.tflib.network"].Network = Network
        return pickle.dumps(content, protocol)


def saved(tmp_path: Path, content: Any, protocol: int = 4) -> Path:
    path = tmp_path / "network.pkl"
    path.write_bytes(dump(content, protocol))
    return path


def network_of(path: Path) -> PickledNetwork:
    return tf_network_from(read_pickle(path), path)


# The networks as TensorFlow computes them, for one latent, with images (C, H, W) and weights (H, W, in, out).


def leaky(x: Any) -> Any:
    return np.where(x < 0, 0.2 * x, x)


def mapped(v: Variables, z: Any, gain_before: float, gain_after: float) -> Any:
    x = z / np.sqrt(np.mean(z**2) + 1e-8)
    for i in range(2):
        weight, bias = v[f"mapping/Dense{i}/weight"], v[f"mapping/Dense{i}/bias"]
        x = leaky(x @ weight * (gain_before * 0.01 / np.sqrt(len(weight))) + bias * 0.01) * gain_after
    return x


def convolved(x: Any, weight: Any, mode: str = "same") -> Any:
    outputs = [[correlate2d(c, k, mode) for c, k in zip(x, ks, strict=True)] for ks in weight.transpose(3, 2, 0, 1)]
    return np.sum(outputs, axis=1)


def reference_stylegan1(v: Variables, z: Any) -> Any:
    w = mapped(v, z, np.sqrt(2), 1)
    blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
    layer = 0
    for side in CHANNELS:
        block = f"synthesis/{side}x{side}"
        for scope in ("Const", "Conv") if side == 4 else ("Conv0_up", "Conv1"):
            if scope == "Const":
                x = v[f"{block}/Const/const"][0]
            else:
                weight = v[f"{block}/{scope}/weight"]
                x = np.kron(x, np.ones((1, 2, 2))) if scope == "Conv0_up" else x
                x = convolved(x, weight * np.sqrt(2 / (9 * weight.shape[2])))
            if scope == "Conv0_up":
                x = np.stack([correlate2d(channel, blur, "same") for channel in x])
            x = x + v[f"synthesis/noise{layer}"][0] * v[f"{block}/{scope}/Noise/weight"][:, None, None]
            x = leaky(x + v[f"{block}/{scope}/bias"][:, None, None])
            x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-8)
            style = w @ v[f"{block}/{scope}/StyleMod/weight"] / np.sqrt(W) + v[f"{block}/{scope}/StyleMod/bias"]
            scale, shift = style.reshape(2, -1, 1, 1)
            x = x * (scale + 1) + shift
            layer += 1
    rgb = v["synthesis/ToRGB_lod0/weight"]
    return convolved(x, rgb / np.sqrt(rgb.shape[2])) + v["synthesis/ToRGB_lod0/bias"][:, None, None]


def filtered(x: Any, before: int, after: int) -> Any:
    """StyleGAN2's [1, 3, 3, 1] after enlarging, which makes up for the zeros."""
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    return np.stack([convolve2d(np.pad(c, (before, after)), kernel, "valid") for c in x])


def stuffed(x: Any, side: int) -> Any:
    wide = np.zeros((len(x), side, side))
    wide[:, ::2, ::2] = x
    return wide


def transposed(x: Any, weight: Any) -> Any:
    """Enlarges and convolves without cropping, the kernel's orientation as in a plain convolution."""
    return convolved(stuffed(x, 2 * x.shape[1] - 1), weight, "full")


def modulated(v: Variables, name: str, w: Any, *, demodulate: bool) -> Any:
    weight = v[f"{name}/weight"]
    style = w @ v[f"{name}/mod_weight"] / np.sqrt(W) + v[f"{name}/mod_bias"] + 1
    weight = weight / np.sqrt(np.prod(weight.shape[:3])) * style[:, None]
    return weight / np.sqrt((weight**2).sum((0, 1, 2)) + 1e-8) if demodulate else weight


def reference_stylegan2(v: Variables, z: Any) -> Any:
    w = mapped(v, z, 1, np.sqrt(2))
    x, rgb, layer = v["synthesis/4x4/Const/const"][0], None, 0
    for side in CHANNELS:
        block, before = f"synthesis/{side}x{side}", x
        for scope in ("Conv",) if side == 4 else ("Conv0_up", "Conv1"):
            weight = modulated(v, f"{block}/{scope}", w, demodulate=True)
            x = filtered(transposed(x, weight), 1, 1) if scope == "Conv0_up" else convolved(x, weight)
            x = x + v[f"synthesis/noise{layer}"][0] * v[f"{block}/{scope}/noise_strength"]
            x = leaky(x + v[f"{block}/{scope}/bias"][:, None, None]) * np.sqrt(2)
            layer += 1
        if (skip := v.get(f"{block}/Skip/weight")) is not None:
            x = (x + filtered(transposed(before, skip / np.sqrt(skip.shape[2])), 2, 2)) / np.sqrt(2)
        rgb = None if rgb is None else filtered(stuffed(rgb, side), 2, 1)
        if f"{block}/ToRGB/weight" in v:
            shown = convolved(x, modulated(v, f"{block}/ToRGB", w, demodulate=False))
            rgb = (0 if rgb is None else rgb) + shown + v[f"{block}/ToRGB/bias"][:, None, None]
    return rgb


def rendered(model: Any, z: Any) -> Any:
    with torch.no_grad():
        return (model.synthesize(model.map(torch.tensor(z)[None])) * 2 - 1)[0].numpy()


Z = np.random.default_rng(3).normal(size=5).astype(np.float32)
STYLEGAN2_KWARGS = {"fmap_base": 16, "fmap_max": 4, "label_size": 0, "resample_kernel": [1, 3, 3, 1]}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("nested", [True, False])
def test_a_converted_stylegan_draws_what_tensorflow_would(tmp_path, nested, protocol):
    variables = stylegan1_variables()
    network = network_of(saved(tmp_path, networks(variables, nested=nested), protocol))
    assert (network.family, network.init_kwargs) == ("stylegan1", {})
    model = StyleGAN1(settings_from_state(network.state))
    model.load_state_dict(network.state)
    assert (model.resolution, model.z_dim, model.w_dim) == (RESOLUTION, 5, W)
    np.testing.assert_allclose(rendered(model, Z), reference_stylegan1(variables, Z), atol=1e-3)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_a_converted_stylegan2_draws_what_tensorflow_would(tmp_path, architecture, nested):
    variables = stylegan2_variables(architecture)
    content = networks(variables, nested=nested, architecture=architecture, **STYLEGAN2_KWARGS)
    network = network_of(saved(tmp_path, content))
    assert network.family == "stylegan2"
    model = StyleGAN2(StyleGAN2Settings.from_init_kwargs(network.init_kwargs))
    model.load_state_dict(network.state)
    assert (model.resolution, model.z_dim, model.w_dim) == (RESOLUTION, 5, W)
    np.testing.assert_allclose(rendered(model, Z), reference_stylegan2(variables, Z), atol=1e-3)


def test_the_mean_style_is_kept(tmp_path):
    for variables, key in ((stylegan1_variables(), "w_avg"), (stylegan2_variables(), "mapping.w_avg")):
        state = network_of(saved(tmp_path, networks(variables, **STYLEGAN2_KWARGS))).state
        np.testing.assert_array_equal(state[key], variables["dlatent_avg"])


def test_noise_that_is_not_stored_is_not_invented(tmp_path):
    variables = {k: v for k, v in stylegan1_variables().items() if not k.startswith("synthesis/noise")}
    network = network_of(saved(tmp_path, networks(variables)))
    assert not settings_from_state(network.state).stored_noise


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"label_size": 10}, "label_size=10"),
        ({"nonlinearity": "relu"}, "nonlinearity='relu'"),
        ({"fmap_base": "16"}, "other than integers"),
        ({"resample_kernel": ["1"]}, "no list of numbers"),
        ({"mapping_lrmul": Network()}, "no plain value"),
    ],
)
def test_arguments_that_cannot_be_built_are_refused(tmp_path, change, why):
    with pytest.raises(PhotopulseError, match=why):
        network_of(saved(tmp_path, networks(stylegan2_variables(), **STYLEGAN2_KWARGS | change)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"synthesis/lod": np.float32(0.5)}, "still growing"),
        ({"synthesis/8x8/Conv1/bias": "x"}, "no array"),
        ({"synthesis/8x8/Conv1/bias": np.zeros((2, 2))}, "2 instead of 1 dimensions"),
        ({"synthesis/16x16/Conv0_up/weight": None}, "no array"),
    ],
)
def test_variables_that_do_not_fit_are_refused(tmp_path, change, why):
    with pytest.raises(PhotopulseError, match=why):
        network_of(saved(tmp_path, networks(stylegan1_variables() | change)))


def test_numbers_under_many_names_take_no_more_memory_than_the_file_holds(tmp_path):
    shared = np.ones(200_000, dtype=bool)
    variables = stylegan1_variables() | {f"synthesis/extra{i}": shared for i in range(95)}
    with pytest.raises(PhotopulseError, match="more numbers than the file holds"):
        network_of(saved(tmp_path, networks(variables)))


@pytest.mark.parametrize("make", [stylegan1_variables, stylegan2_variables])
def test_a_missing_variable_is_named(tmp_path, make):
    variables = make()
    del variables["synthesis/8x8/Conv0_up/weight"]
    with pytest.raises(PhotopulseError, match="no variable synthesis/8x8/Conv0_up/weight"):
        network_of(saved(tmp_path, networks(variables, **STYLEGAN2_KWARGS)))


@pytest.mark.parametrize("content", [(1, 2), (1, 2, 3), {}, [Network(), Network(), Network()], None])
def test_other_contents_are_refused(tmp_path, content):
    with pytest.raises(PhotopulseError, match=r"network\.pkl"):
        network_of(saved(tmp_path, content))


def test_a_file_of_one_network_is_read_too_and_its_source_text_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (*_, averaged) = networks(stylegan1_variables())
    assert network_of(saved(tmp_path, averaged)).family == "stylegan1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["network.pkl"]


SAMPLE = dump(networks(stylegan1_variables()))


@pytest.mark.parametrize("end", range(0, len(SAMPLE), 397))
def test_a_truncated_file_is_refused(tmp_path, end):
    (tmp_path / "network.pkl").write_bytes(SAMPLE[:end])
    with pytest.raises(PhotopulseError):
        network_of(tmp_path / "network.pkl")


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_damaged_file_loads_or_is_refused(tmp_path_factory, flips):
    raw = bytearray(SAMPLE)
    for position, value in flips:
        raw[position] = value
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "network.pkl").write_bytes(raw)
    with suppress(PhotopulseError):
        network_of(folder / "network.pkl")
    assert [entry.name for entry in folder.iterdir()] == ["network.pkl"]
