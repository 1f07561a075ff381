import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.networks.files import read_network, write_network


@dataclass(frozen=True, kw_only=True)
class _Sizes:
    widths: tuple[int, ...] = (2, 3)
    levels: tuple[tuple[int, str], ...] = ((1, "a"), (2, "b"))
    slope: float = 0.2
    depth: int | None = None


class _Net(nn.Module):
    def __init__(self, sizes: _Sizes) -> None:
        super().__init__()
        self.settings = sizes
        self.conv = nn.Conv2d(*sizes.widths, 3)
        self.norm = nn.BatchNorm2d(sizes.widths[1])


def _make(sizes: dict[str, Any]) -> _Net:
    return _Net(_Sizes(**sizes))


@pytest.fixture
def net() -> _Net:
    torch.manual_seed(0)
    net = _Net(_Sizes(slope=0.3))
    assert isinstance(net.norm.running_var, torch.Tensor)
    assert isinstance(net.norm.num_batches_tracked, torch.Tensor)
    net.norm.running_var.copy_(torch.tensor([1e-9, 1.0, 1e6]))
    net.norm.num_batches_tracked.fill_(100_001)
    return net


@pytest.fixture
def file(net: _Net, tmp_path: Path) -> Path:
    path = tmp_path / "new" / "net.safetensors"
    write_network(net, net.settings, "TestNet", path)
    return path


def test_settings_come_back_as_they_were_tuples_within_tuples_too(net: _Net, file: Path):
    assert read_network(file, "TestNet", _make).settings == net.settings


def test_weights_come_back_rounded_to_half_precision_and_buffers_exactly(net: _Net, file: Path):
    back = read_network(file, "TestNet", _make)
    assert not back.training
    assert not any(parameter.requires_grad for parameter in back.parameters())
    for name, values in net.named_parameters():
        read = back.get_parameter(name)
        assert read.dtype == torch.float32
        assert torch.equal(read, values.half().float())
    for name, values in net.named_buffers():
        read = back.get_buffer(name)
        assert read.dtype == values.dtype
        assert torch.equal(read, values)
    assert load_file(file)["conv.weight"].dtype == torch.float16


def test_the_file_says_its_kind_in_small_letters(file: Path):
    with safe_open(file, framework="pt") as opened:
        assert set(opened.metadata()) == {"photopulse.testnet", "photopulse.sha256"}
        assert json.loads(opened.metadata()["photopulse.testnet"])["widths"] == [2, 3]


@pytest.mark.parametrize("kind", ["an EnlargeNet", "an FSRNet", "a PhotoNet", "an RRDBNet"])
def test_a_network_of_another_kind_is_refused(file: Path, kind: str):
    with pytest.raises(PhotopulseError, match=rf"net\.safetensors: it does not say the sizes of {kind}\."):
        read_network(file, kind.partition(" ")[2], _make)


@pytest.mark.parametrize("text", ["{", "[1]", "null", '{"width": 3}', '{"widths": [2]}', '{"widths": [2, 4]}'])
def test_settings_that_do_not_fit_are_refused(file: Path, text: str):
    save_file(load_file(file), file, metadata={"photopulse.testnet": text})
    with pytest.raises(PhotopulseError, match=r"cannot read the network .*net\.safetensors"):
        read_network(file, "TestNet", _make)


def test_weights_with_another_name_or_without_one_are_refused(file: Path):
    metadata = {"photopulse.testnet": "{}"}
    weights = load_file(file)
    for changed in (weights | {"spare": torch.zeros(2)}, {"conv.weight": weights["conv.weight"]}):
        save_file(changed, file, metadata=metadata)
        with pytest.raises(PhotopulseError, match="cannot read the network"):
            read_network(file, "TestNet", _make)


def test_missing_and_damaged_files_are_refused(file: Path):
    content = file.read_bytes()
    for length in (0, 6, 100, len(content) - 10):
        file.write_bytes(content[:length])
        with pytest.raises(PhotopulseError, match=r"cannot read the network .*net\.safetensors"):
            read_network(file, "TestNet", _make)
    file.unlink()
    for path in (file, file.parent):
        with pytest.raises(PhotopulseError, match="cannot read the network"):
            read_network(path, "TestNet", _make)


def test_a_device_that_is_not_there_is_named(file: Path):
    with pytest.raises(PhotopulseError, match="cannot use the device 'cuda:99'"):
        read_network(file, "TestNet", _make, "cuda:99")
