"""The one door to generators: every kind of file by its content, and nothing else."""

import os
import pickle
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from photopulse.errors import PhotopulseError
from photopulse.generators.files import load
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.generators.stylegan1 import StyleGAN1, StyleGAN1Settings
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.generators.stylegan3 import StyleGAN3, StyleGAN3Settings
from photopulse.weights import DEFAULT_GENERATOR, WEIGHTS

SG1 = StyleGAN1Settings(resolution=8, channels=(4, 3), z_dim=6, w_dim=6, mapping_layers=2)
KWARGS2 = {
    "z_dim": 8,
    "c_dim": 0,
    "w_dim": 8,
    "img_resolution": 8,
    "img_channels": 3,
    "mapping_kwargs": {"num_layers": 2},
    "synthesis_kwargs": {"channel_base": 64, "channel_max": 8},
}
KWARGS3 = {
    "z_dim": 8,
    "c_dim": 0,
    "w_dim": 8,
    "img_resolution": 16,
    "img_channels": 3,
    "channel_base": 64,
    "channel_max": 8,
    "num_layers": 4,
    "mapping_kwargs": {"num_layers": 2},
}


def filled(network, seed=0):
    random = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if "filter" not in key and "kernel" not in key:
            value.copy_(torch.randn(value.shape, generator=random))
        if "magnitude" in key:
            value.abs_()
    return network.eval().requires_grad_(False)


class Stored:
    """An object that pickles as a call of ``function`` or, with a state, as an instance of ``function``."""

    def __init__(self, function, args=(), state=None):
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.reduced


@pytest.fixture(scope="module")
def official():
    """Modules of the official code, as far as the pickles need their names."""
    persistence = types.ModuleType("torch_utils.persistence")
    exec("def _reconstruct_persistent_obj(meta): raise SystemExit", persistence.__dict__)
    network = types.ModuleType("dnnlib.tflib.network")
    exec("class Network: pass", network.__dict__)
    fakes = {
        "torch_utils": types.ModuleType("torch_utils"),
        "torch_utils.persistence": persistence,
        "dnnlib": types.ModuleType("dnnlib"),
        "dnnlib.tflib": types.ModuleType("dnnlib.tflib"),
        "dnnlib.tflib.network": network,
    }
    before = {name: sys.modules.get(name) for name in fakes}
    sys.modules.update(fakes)
    yield types.SimpleNamespace(persistence=persistence, network=network)
    for name, module in before.items():
        if module is None:
            del sys.modules[name]
        else:
            sys.modules[name] = module


def torch_pickle(official, network, init_kwargs):
    state = {
        "_init_args": (),
        "_init_kwargs": init_kwargs,
        "_parameters": {key: torch.nn.Parameter(value) for key, value in network.named_parameters()},
        "_buffers": dict(network.named_buffers()),
        "_modules": {},
    }
    meta = {"type": "class", "version": 6, "module_src": "exit()", "class_name": "Generator", "state": state}
    return pickle.dumps({"G_ema": Stored(official.persistence._reconstruct_persistent_obj, (meta,))})


def tf_pickle(official, network):
    """The StyleGAN of ``network`` as TensorFlow's names and layouts."""
    renamed = {}
    for key, value in network.state_dict().items():
        array = value.numpy()
        if key.endswith("kernel"):
            continue
        if array.ndim == 2:
            array = array.T
        elif key.endswith("weight") and array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        for ours, theirs in (
            ("4x4.const", "4x4.Const.const"),
            ("4x4.bias", "4x4.Const.bias"),
            ("4x4.epi1", "4x4.Const"),
            ("4x4.epi2", "4x4.Conv"),
            ("8x8.epi1", "8x8.Conv0_up"),
            ("8x8.epi2", "8x8.Conv1"),
            ("4x4.conv.", "4x4.Conv."),
            ("conv0_up", "Conv0_up"),
            ("conv1", "Conv1"),
            ("noise.weight", "Noise.weight"),
            ("style_mod.lin", "StyleMod"),
            ("blocks.", ""),
            ("torgb", "ToRGB_lod0"),
            ("dense", "Dense"),
        ):
            key = key.replace(ours, theirs)
        renamed[key.replace(".", "/")] = np.ascontiguousarray(array)

    def part(scope, components=None):
        variables = [(k.removeprefix(scope + "/"), v) for k, v in renamed.items() if k.startswith(scope + "/")]
        state = {
            "version": 4,
            "name": "G",
            "static_kwargs": {},
            "variables": variables,
            "build_func_name": scope,
        }
        return Stored(official.network.Network, (), state | {"components": components or {}})

    whole = part("none", {name: part(name) for name in ("mapping", "synthesis")})
    return pickle.dumps((1, 2, whole))


def image_of(generator):
    ws = torch.randn(1, generator.num_ws, generator.w_dim, generator=torch.Generator().manual_seed(1))
    return generator.synthesize(ws)


@pytest.fixture(scope="module")
def originals():
    return {
        "stylegan1": filled(StyleGAN1(SG1)),
        "stylegan2": filled(StyleGAN2(StyleGAN2Settings.from_init_kwargs(KWARGS2))),
        "stylegan3": filled(StyleGAN3(StyleGAN3Settings.from_init_kwargs(KWARGS3))),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory, official, originals):
    """One valid file of each kind, all with a misleading ending, and the architecture that it holds."""
    folder = tmp_path_factory.mktemp("files")
    first = originals["stylegan1"]
    save_checkpoint(first, folder / "own.txt")
    torch.save(first.state_dict(), folder / "zip.txt")
    torch.save(first.state_dict(), folder / "legacy.txt", _use_new_zipfile_serialization=False)
    (folder / "tf.txt").write_bytes(tf_pickle(official, first))
    (folder / "ada.txt").write_bytes(torch_pickle(official, originals["stylegan2"], KWARGS2))
    (folder / "three.txt").write_bytes(torch_pickle(official, originals["stylegan3"], KWARGS3))
    (folder / "pulse").mkdir()
    torch.save(first.synthesis.state_dict(), folder / "pulse" / "synthesis.pt")
    torch.save(first.mapping.state_dict(), folder / "pulse" / "mapping.pt")
    return folder


KINDS = {
    "own.txt": "stylegan1",
    "zip.txt": "stylegan1",
    "legacy.txt": "stylegan1",
    "tf.txt": "stylegan1",
    "ada.txt": "stylegan2",
    "three.txt": "stylegan3",
    "pulse": "stylegan1",
}


@pytest.mark.parametrize("file", KINDS)
def test_every_kind_of_file_renders_as_its_original(files, originals, file):
    generator = load_generator(files / file)
    torch.testing.assert_close(image_of(generator), image_of(originals[KINDS[file]]))
    assert not generator.training
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    assert generator.device == torch.device("cpu")


def test_a_loaded_generator_is_called_like_its_file(files):
    assert load_generator(files / "ada.txt").name == "ada"
    assert load_generator(str(files / "pulse")).name == "pulse"


def test_a_name_of_the_table_is_built_by_its_function(monkeypatch, originals):
    monkeypatch.setattr(load, "NAMED", {"faces": lambda: originals["stylegan1"]})
    assert load_generator("faces") is originals["stylegan1"]


@pytest.mark.weights
def test_the_default_generator_makes_a_picture_of_1024_pixels(default_weights):
    generator = load_generator()
    ws = generator.map(torch.zeros(1, generator.z_dim) + 1, truncation_psi=0.5)
    image = generator.synthesize(ws)
    assert image.shape == (1, 3, 1024, 1024)
    assert 0.1 < image.mean() < 0.9


def test_every_name_stands_in_the_table_of_weights():
    assert DEFAULT_GENERATOR in load.NAMED
    assert set(load.NAMED) <= set(WEIGHTS)


def test_an_unknown_name_lists_close_matches():
    with pytest.raises(PhotopulseError, match=r"[Dd]id you mean mobilestylegan-ffhq-1024"):
        load_generator("mobilestylgan-ffhq")
    with pytest.raises(PhotopulseError, match=r"neither a file or folder nor one of the names .*safetensors"):
        load_generator("xyz")


def test_an_unknown_device_is_explained(files):
    for device in ("toaster", "cuda:77"):
        with pytest.raises(PhotopulseError, match=f"cannot use the device '{device}'"):
            load_generator(files / "own.txt", device)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n\x1a\n and so on", "a PNG picture"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"hello world", "begins with 68 65 6c 6c 6f 20 77 6f"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, content, looks):
    path = tmp_path / "network.pkl"
    path.write_bytes(content)
    with pytest.raises(PhotopulseError, match=looks) as raised:
        load_generator(path)
    assert str(path) in str(raised.value)
    assert "PULSE's synthesis.pt" in str(raised.value)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "net.pkl")
    with pytest.raises(PhotopulseError, match=r"cannot open .*net\.pkl: it is a folder or device, not a file"):
        load_generator(tmp_path / "net.pkl")


def test_tensors_of_something_else_are_summed_up(tmp_path):
    torch.save({"layer1.weight": torch.zeros(2)}, tmp_path / "net.pt")
    with pytest.raises(PhotopulseError, match=r"holds layer1\.weight"):
        load_generator(tmp_path / "net.pt")
    torch.save([1, 2], tmp_path / "net.pt")
    with pytest.raises(PhotopulseError, match="holds a list"):
        load_generator(tmp_path / "net.pt")
    save_file({"a": torch.zeros(1)}, tmp_path / "net.safetensors")
    with pytest.raises(PhotopulseError, match="not a generator that photopulse wrote"):
        load_generator(tmp_path / "net.safetensors")


def test_an_empty_folder_says_what_is_missing(tmp_path):
    with pytest.raises(PhotopulseError, match=r"no synthesis\.pt"):
        load_generator(tmp_path)


def test_official_settings_that_cannot_be_built_name_the_file(tmp_path, official, originals):
    path = tmp_path / "net.pkl"
    path.write_bytes(torch_pickle(official, originals["stylegan2"], KWARGS2 | {"img_channels": 4}))
    with pytest.raises(PhotopulseError, match=r"net\.pkl.*img_channels"):
        load_generator(path)
    path.write_bytes(torch_pickle(official, originals["stylegan2"], KWARGS2 | {"img_resolution": 16}))
    with pytest.raises(PhotopulseError, match=r"net\.pkl.*is missing"):
        load_generator(path)


@pytest.mark.parametrize("way", ["zip", "legacy", "pickle"])
def test_a_hostile_file_runs_nothing(tmp_path, way):
    trace, path = tmp_path / "was-here", tmp_path / "net.pt"
    content = {"g_ema": Stored(os.system, (f"touch {trace}",))}
    if way == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=way == "zip")
    with pytest.raises(PhotopulseError, match=str(path.name)):
        load_generator(path)
    assert not trace.exists()


def attempt(path, raw):
    """Loads the bytes, which may only work or raise our error."""
    path.write_bytes(raw)
    try:
        generator = load_generator(path)
    except PhotopulseError as problem:
        message = str(problem)
    else:
        message = path.name
        assert generator.resolution in (8, 16)
    assert path.name in message


FUZZ = settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HEADS = [b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04", load.LEGACY_HEADER, b"\x09" + b"\0" * 7 + b"{"]


@FUZZ
@given(head=st.sampled_from(HEADS), body=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_our_error(tmp_path, head, body):
    attempt(tmp_path / "random.bin", head + body)


@pytest.mark.parametrize("file", [name for name in KINDS if name != "pulse"])
@FUZZ
@given(data=st.data())
def test_damaged_files_raise_nothing_but_our_error(files, tmp_path, file, data):
    raw = bytearray((files / file).read_bytes())
    if data.draw(st.booleans(), label="truncate"):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            position = data.draw(st.integers(0, 8 * len(raw) - 1))
            raw[position // 8] ^= 1 << position % 8
    attempt(tmp_path / "damaged.bin", bytes(raw))


def test_the_first_load_gives_the_generator_as_it_was_saved(tmp_path, monkeypatch, tiny_generator):
    monkeypatch.setattr(load, "fetch", lambda name: tmp_path)
    monkeypatch.setattr(load, "load_mobilestylegan_ir", lambda folder, name: tiny_generator)
    first, second = load_generator(), load_generator()
    assert first is not tiny_generator
    layouts = [{key: values.stride() for key, values in each.state_dict().items()} for each in (first, second)]
    assert layouts[0] == layouts[1]
