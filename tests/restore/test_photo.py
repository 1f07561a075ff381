import pytest
import torch
from torch import nn

from photopulse.restore.photo import PhotoNet, PhotoNetSettings

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = PhotoNetSettings(widths=(4, 6, 8), blocks=(1, 1, 1))


@pytest.fixture
def network() -> PhotoNet:
    """One that does something everywhere."""
    torch.manual_seed(0)
    network = PhotoNet(TINY)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return network


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (16, 24), (33, 50)])
def test_an_untrained_network_is_the_identity_at_any_size(size: tuple[int, int]):
    photo = torch.rand(2, 3, *size)
    assert torch.equal(PhotoNet(TINY)(photo), photo)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (33, 50)])
def test_any_size_comes_back_as_if_its_edges_went_on(network: PhotoNet, size: tuple[int, int]):
    photo = torch.rand(1, 3, *size)
    height, width = size
    larger = nn.functional.pad(photo, (0, -width % 8, 0, -height % 8), mode="replicate")
    torch.testing.assert_close(network(photo), network(larger)[..., :height, :width])


def test_the_shipped_sizes_have_a_million_weights():
    assert sum(values.numel() for values in PhotoNet().parameters()) == pytest.approx(0.95e6, rel=0.03)


def test_gradients_reach_every_weight(network: PhotoNet):
    network(torch.rand(2, 3, 24, 24)).square().mean().backward()
    assert [name for name, values in network.named_parameters() if not values.grad.abs().max() > 0] == []


@pytest.mark.parametrize(("widths", "blocks"), [((4,), (1,)), ((4, 4), (1,))])
def test_sizes_that_do_not_fit_together_are_refused(widths: tuple[int, ...], blocks: tuple[int, ...]):
    with pytest.raises(ValueError, match="as many widths"):
        PhotoNetSettings(widths=widths, blocks=blocks)
