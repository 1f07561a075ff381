"""Reading PyTorch pickles, built here in the official structure by stand-ins for the official code."""

import io
import json
import os
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

from photopulse.errors import PhotopulseError
from photopulse.generators.files.nvidia_torch import PickledNetwork, network_from
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.generators.stylegan3 import StyleGAN3, StyleGAN3Settings
from photopulse.safe_pickle.read import read_pickle

DATA = Path(__file__).parents[1] / "data"
BUFFERS = {"resample_filter", "noise_const", "w_avg", "transform", "freqs", "phases"}
BUFFERS |= {"magnitude_ema", "up_filter", "down_filter"}


def _reconstruct_persistent_obj(meta: Any) -> Any:
    raise AssertionError("nothing of the file may run")


class EasyDict(dict[str, Any]):
    pass


# Pickle writes these under their official names.
OFFICIAL = {"torch_utils.persistence": _reconstruct_persistent_obj, "dnnlib.util": EasyDict}
for home, thing in OFFICIAL.items():
    thing.__module__ = home


class Persistent:
    """Pickles as the official persistence code does: source text, class name and state."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        source = f"open({str(Path.cwd() / 'pwned')!r}, 'w')"
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": source,
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> Any:
        return _reconstruct_persistent_obj, (self.meta,), None


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = function, args

    def __reduce__(self) -> Any:
        return self.reduced


def module(tensors: dict[str, Any], class_name: str = "Layer", **attributes: Any) -> Persistent:
    """A tree of modules from a flat state dict."""
    state: dict[str, Any] = {"training": False, "_parameters": {}, "_buffers": {}, "_modules": {}}
    children: dict[str, dict[str, Any]] = {}
    for name, value in tensors.items():
        head, _, rest = name.partition(".")
        if rest:
            children.setdefault(head, {})[rest] = value
        elif name in BUFFERS:
            state["_buffers"][name] = value
        else:
            state["_parameters"][name] = torch.nn.Parameter(value) if torch.is_tensor(value) else value
    state["_modules"] = {name: module(inner) for name, inner in children.items()}
    return Persistent(class_name, state | {"_non_persistent_buffers_set": set()} | attributes)


def generator(tensors: dict[str, Any], **init_kwargs: Any) -> Persistent:
    return module(tensors, "Generator", _init_args=(), _init_kwargs=EasyDict(init_kwargs))


def dump(content: Any, protocol: int = 4) -> bytes:
    """The pickle of ``content``; the official modules exist only while it is written."""
    with pytest.MonkeyPatch.context() as patch:
        for home, thing in OFFICIAL.items():
            for name in (home.partition(".")[0], home):
                patch.setitem(sys.modules, name, types.ModuleType(name))
            setattr(sys.modules[home], thing.__name__, thing)
        return pickle.dumps(content, protocol)


def saved(tmp_path: Path, content: Any, protocol: int = 4) -> Path:
    path = tmp_path / "network.pkl"
    path.write_bytes(dump(content, protocol))
    return path


def network_of(path: Path) -> PickledNetwork:
    return network_from(read_pickle(path), path)


def small_state() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    names = ["mapping.fc0.weight", "mapping.w_avg", "synthesis.b4.const", "synthesis.b4.conv1.noise_const"]
    return {name: torch.randn(2, 3, generator=rng) for name in names}


SHARED = torch.ones(20_000, dtype=torch.float16)


def golden(name: str) -> tuple[dict[str, Any], dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    with np.load(DATA / f"{name}.npz") as file:
        kwargs = json.loads(str(file["init_kwargs"]))
        arrays = {key: torch.from_numpy(file[key]) for key in file.files if key != "init_kwargs"}
    state = {key.removeprefix("state."): value for key, value in arrays.items() if key.startswith("state.")}
    return kwargs, state, arrays


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["stylegan2_64", "stylegan2_64_resnet_cond", "stylegan3r_64"])
def test_every_tensor_and_argument_of_the_average_comes_back(tmp_path, name, protocol):
    kwargs, state, _ = golden(name)
    networks = {"G": generator({}), "D": generator({}), "G_ema": generator(state, **kwargs)}
    content = networks | {"training_set_kwargs": EasyDict(path="x"), "augment_pipe": None}
    network = network_of(saved(tmp_path, content, protocol))
    assert network.family == name[:9]
    assert network.init_kwargs == kwargs
    assert network.state.keys() == state.keys()
    assert all(torch.equal(network.state[key], state[key]) for key in state)


@pytest.mark.parametrize("name", ["stylegan2_64", "stylegan2_64_resnet_cond"])
def test_a_stylegan2_from_a_pickle_renders_the_official_picture(tmp_path, name):
    kwargs, state, arrays = golden(name)
    network = network_of(saved(tmp_path, {"G_ema": generator(state, **kwargs)}))
    model = StyleGAN2(StyleGAN2Settings.from_init_kwargs(network.init_kwargs))
    model.load_state_dict(network.state)
    with torch.no_grad():
        image = model.synthesize(arrays["ws"]) * 2 - 1
    torch.testing.assert_close(image, arrays["image_const_noise"], atol=1e-3, rtol=0)


def test_a_stylegan3_from_a_pickle_renders_the_official_picture(tmp_path):
    kwargs, state, arrays = golden("stylegan3t_64")
    network = network_of(saved(tmp_path, {"G_ema": generator(state, **kwargs)}))
    model = StyleGAN3(StyleGAN3Settings.from_init_kwargs(network.init_kwargs))
    model.load_state_dict(network.state)
    with torch.no_grad():
        image = model.synthesize(arrays["ws"]) * 2 - 1
    torch.testing.assert_close(image, arrays["image_const_noise"], atol=1e-3, rtol=0)


def test_without_an_average_the_plain_generator_is_read(tmp_path):
    network = network_of(saved(tmp_path, {"G": generator(small_state(), z_dim=3)}))
    assert network.init_kwargs == {"z_dim": 3}


def test_positional_arguments_get_their_names(tmp_path):
    positional = module(small_state(), "Generator", _init_args=(64, 0), _init_kwargs={"w_dim": 32})
    network = network_of(saved(tmp_path, {"G_ema": positional}))
    assert network.init_kwargs == {"z_dim": 64, "c_dim": 0, "w_dim": 32}


def test_half_precision_becomes_float32_and_integers_stay(tmp_path):
    state = small_state()
    half, count = state["synthesis.b4.const"].half(), torch.tensor(7)
    content = {"G_ema": generator(state | {"synthesis.b4.const": half, "mapping.w_avg": count})}
    network = network_of(saved(tmp_path, content))
    assert torch.equal(network.state["synthesis.b4.const"], half.float())
    assert network.state["mapping.w_avg"].dtype == torch.int64


def test_buffers_that_are_not_persistent_and_absent_parameters_are_left_out(tmp_path):
    network = generator(small_state() | {"bias": None})
    network.meta["state"]["_buffers"] = {"grid": torch.zeros(2), "kept": torch.ones(1)}
    network.meta["state"]["_non_persistent_buffers_set"] = {"grid"}
    state = network_of(saved(tmp_path, {"G_ema": network})).state
    assert state.keys() == small_state().keys() | {"kept"}


def with_one_module_twice() -> Persistent:
    network = generator(small_state())
    shared = network.meta["state"]["_modules"]["mapping"].meta
    network.meta["state"]["_modules"] |= {"again": Same(shared)}
    return network


class Same(Persistent):
    def __init__(self, meta: Any) -> None:
        self.meta = meta


def evil_storage(marker: Path) -> Any:
    evil = pickle.dumps(Call(os.system, f"touch {marker}"))
    load = Call(torch.storage._load_from_bytes, evil)
    return Call(torch._utils._rebuild_tensor_v2, load, 0, (1,), (1,), False, {})


def view(*shape_and_stride: tuple[int, ...]) -> Any:
    storage = torch.zeros(4)._typed_storage()
    return Call(torch._utils._rebuild_tensor_v2, storage, 0, *shape_and_stride, False, {})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"D": 1}, "no generator"),
        (["G_ema"], "structure"),
        ({"G_ema": 3}, "not saved by the official code"),
        ({"G_ema": generator({"x": torch.zeros(1)})}, "neither StyleGAN2 nor StyleGAN3"),
        ({"G_ema": generator({"x": 3})}, "not a tensor"),
        ({"G_ema": generator({"x": view((5,), (1,))})}, "beyond its 4 numbers"),
        ({"G_ema": generator({"x": view((2**30, 2**30), (0, 0))})}, "beyond its 4 numbers"),
        ({"G_ema": generator(small_state(), z_dim=torch.zeros(1))}, "no plain value"),
        ({"G_ema": generator(small_state(), a=[[[[1]]]])}, "no plain value"),
        ({"G_ema": generator(small_state(), a=[1] * 65)}, "too many"),
        # One text of 64 kB, named 4,096 times.
        ({"G_ema": generator(small_state(), a=[["S" * 65535] * 64] * 64)}, "too many"),
        (
            {"G_ema": generator(small_state() | {f"layer{i}.w_avg": SHARED for i in range(200)})},
            "more numbers than the file",
        ),
        ({"G_ema": with_one_module_twice()}, "circle"),
    ],
)
def test_a_file_without_a_sound_generator_is_refused_with_the_reason(tmp_path, content, why):
    with pytest.raises(PhotopulseError, match=why):
        network_of(saved(tmp_path, content))


def test_neither_source_text_nor_a_pickle_inside_a_storage_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "pwned"
    state = small_state() | {"synthesis.b4.conv1.bias": evil_storage(marker)}
    with pytest.raises(PhotopulseError, match="system in a tensor storage"):
        network_of(saved(tmp_path, {"G_ema": generator(state)}))
    network_of(saved(tmp_path, {"G_ema": generator(small_state())}))
    assert not marker.exists()


SAMPLE = dump({"G": generator({}), "G_ema": generator(small_state(), z_dim=3)})


@pytest.mark.parametrize("end", range(0, len(SAMPLE), 61))
def test_a_truncated_file_is_refused(tmp_path, end):
    path = tmp_path / "network.pkl"
    path.write_bytes(SAMPLE[:end])
    with pytest.raises(PhotopulseError, match=r"network\.pkl"):
        network_of(path)


@settings(max_examples=150)
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


def test_a_zip_file_is_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save(small_state(), buffer)
    path = tmp_path / "network.pkl"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(PhotopulseError, match="damaged or no pickle"):
        network_of(path)
