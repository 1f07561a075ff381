import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from photopulse.errors import PhotopulseError
from photopulse.networks.files import write_network
from photopulse.networks.fsrnet import FSRNet, FSRNetSettings
from photopulse.networks.fsrnet_weights import KIND, load_fsrnet, read_fsrnet

KEY = "photopulse.fsrnet"


@pytest.fixture
def network(tiny_fsrnet: FSRNetSettings) -> FSRNet:
    torch.manual_seed(0)
    return FSRNet(tiny_fsrnet)


@pytest.fixture
def file(network: FSRNet, tmp_path: Path) -> Path:
    path = tmp_path / "new" / "net.safetensors"
    write_network(network, network.settings, KIND, path)
    return path


def test_a_network_comes_back_rounded_to_half_precision(network: FSRNet, file: Path):
    back = read_fsrnet(file)
    assert back.settings == network.settings
    assert not back.training
    for name, values in network.state_dict().items():
        read = back.state_dict()[name]
        assert read.dtype == torch.float32
        assert torch.equal(read, values.half().float())
        assert (read - values).abs().max() <= 2**-11 * values.abs().max()
    assert not any(parameter.requires_grad for parameter in back.parameters())


def test_a_file_holds_halves_and_the_sizes(network: FSRNet, file: Path):
    assert {values.dtype for values in load_file(file).values()} == {torch.float16}
    with safe_open(file, framework="pt") as opened:
        assert json.loads(opened.metadata()[KEY]) == asdict(network.settings)
    assert file.stat().st_size < 2.2 * sum(values.numel() for values in network.state_dict().values()) + 8000


def test_weights_in_any_memory_layout_are_written(network: FSRNet, file: Path, tmp_path: Path):
    other = network.to(memory_format=torch.channels_last)
    write_network(other, network.settings, KIND, tmp_path / "other.safetensors")
    assert (tmp_path / "other.safetensors").read_bytes() == file.read_bytes()


def _other(file: Path, metadata: dict[str, str] | None, **changed: torch.Tensor) -> None:
    save_file(load_file(file) | changed, file, metadata=metadata)


def test_files_of_other_networks_are_refused(network: FSRNet, file: Path):
    _other(file, None)
    with pytest.raises(PhotopulseError, match=r"net\.safetensors: it does not say the sizes of an FSRNet"):
        read_fsrnet(file)
    for sizes in ({"width": 8}, {"depth": 3}, {"stride": 3}, {"decoder_shuffle": 0}, {"width": "wide"}):
        _other(file, {KEY: json.dumps(asdict(network.settings) | sizes)})
        with pytest.raises(PhotopulseError, match=r"cannot read the network .*net\.safetensors"):
            read_fsrnet(file)
    for text in ("{", "[1]", "null"):
        _other(file, {KEY: text})
        with pytest.raises(PhotopulseError):
            read_fsrnet(file)


def test_a_weight_of_another_shape_or_name_is_refused(network: FSRNet, file: Path):
    metadata = {KEY: json.dumps(asdict(network.settings))}
    for changed in ({"landmarks.bias": torch.zeros(31)}, {"spare": torch.zeros(2)}):
        _other(file, metadata, **changed)
        with pytest.raises(PhotopulseError, match="cannot read the network"):
            read_fsrnet(file)


@pytest.mark.parametrize("length", [0, 6, 100, -10])
def test_damaged_files_are_refused(file: Path, length: int):
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(PhotopulseError, match=r"cannot read the network .*net\.safetensors"):
        read_fsrnet(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(PhotopulseError, match="cannot read the network"):
            read_fsrnet(path)


@pytest.mark.parametrize("name", ["fsrnet", "fsrgan"])
def test_the_shipped_networks_load_by_name(name: str):
    folder = Path(read_fsrnet.__code__.co_filename).parent / "weights"
    if not (folder / f"{name}.safetensors").is_file():
        pytest.skip("this checkout comes without the weights")
    network = load_fsrnet(name)
    assert all(values.isfinite().all() for values in network.state_dict().values())
    assert network(torch.full((1, 3, 128, 128), 0.5)).fine.shape == (1, 3, 128, 128)
