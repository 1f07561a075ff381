import pytest
import torch
from torch import nn

from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.networks.shipped import load_photo_net

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


def test_a_flat_picture_stays_flat_up_to_its_edges():
    flat = torch.tensor([30, 160, 60]).view(1, 3, 1, 1).expand(1, 3, 70, 90) / 255
    with torch.no_grad():
        made = load_photo_net()(flat)
    assert (made - flat).abs().max() < 1.5 / 255


def test_the_shipped_sizes_have_a_million_weights():
    assert sum(values.numel() for values in PhotoNet().parameters()) == pytest.approx(0.95e6, rel=0.03)


def test_gradients_reach_every_weight(network: PhotoNet):
    network(torch.rand(2, 3, 24, 24)).square().mean().backward()
    assert [name for name, values in network.named_parameters() if not values.grad.abs().max() > 0] == []


def test_the_colours_of_regions_stay_whatever_the_weights_are(network: PhotoNet):
    flat = torch.tensor([0.2, 0.6, 0.3]).view(1, 3, 1, 1).expand(1, 3, 96, 128)
    with torch.no_grad():
        made = network(flat)
    torch.testing.assert_close(made.mean((2, 3)), flat.mean((2, 3)), rtol=0, atol=1e-5)
    with torch.no_grad():
        photo = torch.rand(1, 3, 128, 128)
        made = network(photo)
    before, after = (nn.functional.avg_pool2d(picture, 64) for picture in (photo, made))
    assert (made - photo).abs().mean() > 20 * (after - before).abs().mean()


@pytest.mark.parametrize(("widths", "blocks"), [((4,), (1,)), ((4, 4), (1,))])
def test_sizes_that_do_not_fit_together_are_refused(widths: tuple[int, ...], blocks: tuple[int, ...]):
    with pytest.raises(ValueError, match="as many widths"):
        PhotoNetSettings(widths=widths, blocks=blocks)
