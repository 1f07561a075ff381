import pytest
import torch

from photopulse.networks.blocks import ResidualBlock
from photopulse.networks.face import FaceNet, FaceNetSettings

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = FaceNetSettings(widths=(4, 4, 4, 4, 4), middle=1)


@pytest.fixture
def network() -> FaceNet:
    torch.manual_seed(0)
    network = FaceNet(TINY)
    for layer in (*network.decoder.to_rgb, network.decoder.last):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return network


def test_an_untrained_network_returns_the_cleaned_face():
    face, cleaned = torch.rand(2, 2, 3, 64, 64)
    assert torch.equal(FaceNet(TINY)(face, cleaned, torch.tensor([0.0, 1.0])), cleaned)


def test_brightness_changes_and_colours_stay_the_cleaned_face_s(network: FaceNet):
    face, cleaned = torch.rand(2, 2, 3, 64, 64)
    change = network(face, cleaned, torch.tensor([0.0, 1.0])) - cleaned
    assert change.abs().mean() > 0.01
    torch.testing.assert_close(change, change[:, :1].expand(-1, 3, -1, -1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (256, 256)])
def test_faces_keep_their_size(network: FaceNet, size: tuple[int, int]):
    assert network(*torch.rand(2, 2, 3, *size), torch.tensor([0.0, 1.0])).shape == (2, 3, *size)


@pytest.mark.parametrize("size", [(33, 64), (64, 48)])
def test_other_than_multiples_of_32_are_refused(network: FaceNet, size: tuple[int, int]):
    with pytest.raises(ValueError, match="multiples of 32"):
        network(*torch.rand(2, 1, 3, *size), torch.ones(1))


def test_each_face_has_a_fidelity_of_its_own(network: FaceNet):
    face = torch.rand(1, 3, 64, 64)
    two = face.expand(2, -1, -1, -1)
    both = network(two, two, torch.tensor([0.0, 1.0]))
    assert (both[0] - both[1]).abs().max() > 1e-3
    torch.testing.assert_close(network(face, face, torch.ones(1)), both[1:], rtol=0, atol=1e-5)


def test_the_shipped_sizes_have_five_and_a_half_million_weights():
    assert sum(values.numel() for values in FaceNet().parameters()) == pytest.approx(5.58e6, rel=0.03)


def test_gradients_reach_every_weight(network: FaceNet):
    # The last convolution of a new block is zero, and hides the one before it.
    for block in network.modules():
        if isinstance(block, ResidualBlock):
            torch.nn.init.normal_(block.conv2.weight, std=0.1)
    network(*torch.rand(2, 2, 3, 64, 64), torch.tensor([0.3, 0.8])).square().mean().backward()
    silent = [
        name for name, values in network.named_parameters() if values.grad is None or not values.grad.abs().max() > 0
    ]
    assert silent == []


def test_networks_of_other_than_five_widths_are_refused():
    with pytest.raises(ValueError, match="5 widths"):
        FaceNetSettings(widths=(4,) * 6)
