import struct

import numpy as np
import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.metrics.identity import CHIP_SIZE
from photopulse.metrics.identity_network import IdentityNetwork, load_identity_network, read_identity_network


def _packed(number: int) -> bytes:
    """An integer as dlib writes it: its length in bytes, then the bytes."""
    length = (number.bit_length() + 7) // 8
    return bytes([length]) + number.to_bytes(length, "little")


def _layer(name: bytes, *parts: torch.Tensor, before: tuple[int, ...] = ()) -> bytes:
    values = np.concatenate([part.detach().numpy().ravel() for part in parts]).astype("<f4")
    numbers = (*before, 2, len(values), 1, 1, 1)
    return _packed(len(name)) + name + b"".join(_packed(number) for number in numbers) + values.tobytes() + b"\1\0"


def _file(network: IdentityNetwork) -> bytes:
    data = b"\1\1loss_metric_2" + struct.pack("<d", 0.6)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    affines = [module for module in network.modules() if hasattr(module, "scale")]
    for convolution, affine in zip(convolutions, affines, strict=True):
        data += _layer(b"con_4", convolution.weight, convolution.bias)
        data += _layer(b"affine_", affine.scale, affine.shift)
    return data + _layer(b"fc_2", network.last.weight.T, before=(128, 256))


@pytest.fixture(scope="module")
def network() -> IdentityNetwork:
    torch.manual_seed(0)
    return IdentityNetwork().eval()


def test_the_weights_of_a_file_are_read_in_their_order(network: IdentityNetwork, tmp_path):
    path = tmp_path / "net.dat"
    path.write_bytes(_file(network))
    read = read_identity_network(path)
    assert not any(parameter.requires_grad for parameter in read.parameters())
    for name, values in network.state_dict().items():
        assert torch.equal(read.state_dict()[name], values), name


def test_weights_that_spell_the_name_of_a_layer_are_weights(network: IdentityNetwork, tmp_path):
    shift = network.stem.shift.data
    shift[:2] = torch.frombuffer(bytearray(b"con_4\1\2\0"), dtype=torch.float32)
    path = tmp_path / "net.dat"
    path.write_bytes(_file(network))
    assert torch.equal(read_identity_network(path).stem.shift[:2], shift[:2])


@pytest.mark.parametrize("data", [b"", b"no network", None])
def test_a_file_of_something_else_is_named(network: IdentityNetwork, data: bytes | None, tmp_path):
    path = tmp_path / "net.dat"
    path.write_bytes(_file(network)[:-4000] if data is None else data)
    with pytest.raises(PhotopulseError, match=r"cannot read the face recognition network .*net\.dat"):
        read_identity_network(path)
    with pytest.raises(PhotopulseError, match=r"missing\.dat"):
        read_identity_network(tmp_path / "missing.dat")


def test_gradients_reach_the_chip(network: IdentityNetwork):
    chip = torch.rand(2, 3, CHIP_SIZE, CHIP_SIZE, requires_grad=True)
    embedding = network(chip)
    assert embedding.shape == (2, 128)
    embedding.square().sum().backward()
    assert chip.grad is not None
    assert chip.grad.abs().amax(dim=(1, 2, 3)).min() > 0


@pytest.mark.weights
def test_it_describes_chips_as_dlib_does(identity_net, astronaut):
    chips = [astronaut[..., :CHIP_SIZE, 150 : 150 + CHIP_SIZE], torch.rand(1, 3, CHIP_SIZE, CHIP_SIZE)]
    pixels = (torch.cat(chips) * 255).round()
    with torch.no_grad():
        ours = load_identity_network()(pixels / 255)
    for chip, embedding in zip(pixels, ours.numpy(), strict=True):
        as_dlib = np.ascontiguousarray(chip.permute(1, 2, 0).numpy().astype(np.uint8))
        theirs = identity_net._recognition.compute_face_descriptor(as_dlib)
        np.testing.assert_allclose(embedding, theirs, atol=2e-5)
