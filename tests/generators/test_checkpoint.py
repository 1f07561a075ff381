"""photopulse's own generator files: what is written comes back, and nothing else is taken for it."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from photopulse.errors import PhotopulseError
from photopulse.generators.files.checkpoint import load_checkpoint, save_checkpoint
from photopulse.generators.stylegan1 import StyleGAN1, StyleGAN1Settings

SETTINGS = StyleGAN1Settings(
    resolution=8, channels=(4, 3), z_dim=5, w_dim=6, mapping_layers=2, stored_noise=True, stored_w_avg=True
)


@pytest.fixture(scope="module")
def generator():
    random = torch.Generator().manual_seed(0)
    net = StyleGAN1(SETTINGS, name="tiny faces").requires_grad_(False)
    for value in net.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=random))
    return net


@pytest.fixture(scope="module")
def file(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "new" / "tiny.safetensors"
    save_checkpoint(generator, path)
    return path


def test_a_generator_comes_back_as_it_was(generator, file):
    loaded = load_checkpoint(file)
    assert (loaded.name, loaded.settings) == ("tiny faces", SETTINGS)
    ws = loaded.map(torch.ones(2, 5), truncation_psi=0.7)
    torch.testing.assert_close(ws, generator.map(torch.ones(2, 5), truncation_psi=0.7), rtol=0, atol=0)
    torch.testing.assert_close(loaded.synthesize(ws), generator.synthesize(ws), rtol=0, atol=0)


def test_the_metadata_says_what_the_file_is(file):
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    assert metadata["photopulse.format"] == "1"
    assert metadata["photopulse.architecture"] == "stylegan1"
    assert metadata["photopulse.name"] == "tiny faces"
    assert json.loads(metadata["photopulse.settings"])["channels"] == [4, 3]


def test_a_failed_write_leaves_the_old_file(generator, tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="full"):
        save_checkpoint(generator, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_class_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="Linear is none of"):
        save_checkpoint(torch.nn.Linear(2, 2), tmp_path / "net.safetensors")


def rewritten(file, tmp_path, *, state=None, **changes):
    """The file again, with other tensors or metadata; None removes an entry."""
    with safe_open(file, framework="pt") as opened:
        metadata = dict(opened.metadata()) | {"photopulse.sha256": None}
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    for key, value in changes.items():
        metadata[f"photopulse.{key}"] = value
    metadata = {key: value for key, value in metadata.items() if value is not None}
    path = tmp_path / "changed.safetensors"
    save_file(tensors | (state or {}), path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": None}, "not a generator that photopulse wrote"),
        ({"format": "2"}, "reads format 1"),
        ({"architecture": None}, "none of"),
        ({"architecture": "dcgan"}, "none of"),
        ({"settings": None}, "damaged"),
        ({"settings": "{"}, "damaged"),
        ({"settings": "[" * 100_000}, "damaged"),
        ({"settings": '{"resolution": 1e400, "channels": [4, 3]}'}, "resolution cannot be a number"),
        ({"settings": '{"resolution": 16, "channels": [4, 3, 2]}'}, "tensor"),
        ({"architecture": "stylegan2", "settings": '{"resolution": 24}'}, "power of two"),
        ({"state": {"synthesis.torgb.bias": torch.zeros(9)}}, "synthesis.torgb.bias"),
        ({"state": {"more": torch.zeros(9)}}, "more is unknown"),
    ],
)
def test_a_file_that_does_not_fit_says_why(file, tmp_path, changes, why):
    path = rewritten(file, tmp_path, **changes)
    with pytest.raises(PhotopulseError, match=why) as raised:
        load_checkpoint(path)
    assert str(path) in str(raised.value)


def test_a_file_without_a_name_is_called_by_its_stem(file, tmp_path):
    assert load_checkpoint(rewritten(file, tmp_path, name=None)).name == "changed"


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(PhotopulseError, match=r"none\.safetensors"):
        load_checkpoint(tmp_path / "none.safetensors")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=st.integers(0, 6000), flips=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4))
def test_damaged_files_raise_nothing_but_our_error(file, tmp_path, end, flips):
    raw = bytearray(file.read_bytes())
    for position, value in flips:
        raw[position % len(raw)] = value
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(raw if flips else raw[:end])
    try:
        loaded = load_checkpoint(path)
    except PhotopulseError:
        return
    assert loaded.resolution == 8
