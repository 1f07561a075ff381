from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from photopulse.networks.fsrnet import (
    PUBLISHED,
    SMALL,
    Bottleneck,
    FSRNet,
    FSRNetSettings,
    Hourglass,
    ResidualBlock,
    enlarge_bicubic,
    enlarge_face,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def _faces(batch: int = 2, size: int = 16) -> Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def _network(settings: FSRNetSettings) -> FSRNet:
    """A small network that does something, as a trained one does."""
    torch.manual_seed(0)
    network = FSRNet(settings)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return network.eval().requires_grad_(False)


def _count(part: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(layer, kind) for layer in part.children())


def test_the_published_network_has_the_sizes_of_the_paper():
    with torch.device("meta"):
        network = FSRNet(PUBLISHED)
        answer = network(torch.empty(1, 3, 128, 128))
    assert _count(network.coarse, ResidualBlock) == 3
    assert _count(network.encoder, ResidualBlock) == 12
    assert _count(network.prior, Bottleneck) == 3
    assert _count(network.prior, Hourglass) == 2
    assert _count(network.decoder, ResidualBlock) == 3
    first = network.encoder[0]
    assert isinstance(first, nn.Conv2d)
    assert (first.in_channels, first.out_channels, first.kernel_size, first.stride) == (3, 64, (3, 3), (2, 2))
    first = network.prior[0]
    assert isinstance(first, nn.Conv2d)
    assert (first.out_channels, first.kernel_size, first.stride) == (128, (7, 7), (2, 2))
    assert all(p.shape[0] == 64 for name, p in network.encoder.named_parameters() if name.endswith("weight"))
    grown = network.decoder[2]
    assert isinstance(grown, nn.ConvTranspose2d)
    assert (grown.kernel_size, grown.stride, grown.out_channels) == ((4, 4), (2, 2), 64)
    assert answer.landmarks.shape[-2:] == answer.parts.shape[-2:] == (64, 64)
    assert answer.coarse.shape == answer.fine.shape == (1, 3, 128, 128)


def test_the_network_that_comes_with_photopulse_has_maps_of_32_px():
    with torch.device("meta"):
        answer = FSRNet(SMALL)(torch.empty(2, 3, 128, 128))
    assert answer.coarse.shape == answer.fine.shape == (2, 3, 128, 128)
    assert (answer.landmarks.shape, answer.parts.shape) == ((2, 32, 32, 32), (2, 8, 32, 32))


@pytest.mark.parametrize(
    ("sizes", "maps"),
    [
        ({}, 16),
        ({"stride": 4}, 32),
        ({"decoder_shuffle": 8}, 16),
        ({"stride": 2, "decoder_shuffle": 1, "coarse_shuffle": 1}, 64),
    ],
)
def test_all_sizes_give_faces_of_128_px_and_maps_that_fit(
    tiny_fsrnet: FSRNetSettings, sizes: dict[str, int], maps: int
):
    settings = replace(tiny_fsrnet, **sizes)
    with torch.device("meta"):
        answer = FSRNet(settings)(torch.empty(2, 3, 128, 128))
    assert answer.coarse.shape == answer.fine.shape == (2, 3, 128, 128)
    assert answer.landmarks.shape == (2, 32, maps, maps)
    assert answer.parts.shape == (2, 8, maps, maps)


@pytest.mark.parametrize(
    "wrong",
    [{"stride": 1}, {"stride": 3}, {"stride": 8, "hourglass_levels": 5}, {"coarse_shuffle": 3}, {"decoder_shuffle": 5}],
)
def test_sizes_that_do_not_fit_together_are_refused(tiny_fsrnet: FSRNetSettings, wrong: dict[str, int]):
    with pytest.raises(ValueError, match="stride"):
        replace(tiny_fsrnet, **wrong)


def test_an_untrained_network_returns_its_input(tiny_fsrnet: FSRNetSettings):
    enlarged = _faces(size=128)
    answer = FSRNet(tiny_fsrnet)(enlarged)
    torch.testing.assert_close(answer.coarse, enlarged)
    torch.testing.assert_close(answer.fine, enlarged)


def test_the_geometry_takes_part_in_the_fine_picture_and_not_in_the_coarse_one(tiny_fsrnet: FSRNetSettings):
    network, enlarged = _network(tiny_fsrnet), _faces(size=128)
    before = network(enlarged)
    for parameter in network.prior.parameters():
        parameter.add_(0.1)
    after = network(enlarged)
    assert torch.equal(after.coarse, before.coarse)
    assert (after.fine - before.fine).abs().mean() > 1e-4
    assert (after.landmarks - before.landmarks).abs().mean() > 1e-4


def test_all_losses_together_reach_every_weight(tiny_fsrnet: FSRNetSettings):
    network = _network(tiny_fsrnet).requires_grad_(True)
    answer = network(_faces(size=128))
    sum(picture.square().mean() for picture in answer).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_an_hourglass_whose_parts_do_nothing_adds_what_it_saw_at_half_the_size():
    hourglass = Hourglass(4, 1)
    for parameter in hourglass.parameters():
        parameter.requires_grad_(False).zero_()
    features = torch.rand(1, 4, 8, 8)
    blocks = features.reshape(1, 4, 4, 2, 4, 2).amax(dim=(3, 5))
    expected = features + blocks.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(hourglass(features), expected)


def test_faces_are_enlarged_as_pillow_does_before_the_network_sees_them():
    small = _faces(1)
    channels = [Image.fromarray(channel.numpy()).resize((128, 128), Image.Resampling.BICUBIC) for channel in small[0]]
    expected = np.stack([np.asarray(channel) for channel in channels]).clip(0, 1)
    np.testing.assert_allclose(enlarge_bicubic(small)[0].numpy(), expected, atol=1e-5)


def test_a_face_is_the_fine_picture_clamped_and_does_not_depend_on_its_batch(tiny_fsrnet: FSRNetSettings):
    network, small = _network(tiny_fsrnet), _faces(3)
    network.decoder[-2].bias.fill_(0.4)
    raw = network(enlarge_bicubic(small)).fine
    assert raw.max() > 1
    faces = enlarge_face(network, small)
    torch.testing.assert_close(faces, raw.clamp(0, 1))
    alone = torch.cat([enlarge_face(network, small[place : place + 1]) for place in range(3)])
    torch.testing.assert_close(faces, alone, atol=1e-5, rtol=0)
    assert not enlarge_face(FSRNet(tiny_fsrnet), small).requires_grad


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (3, 16, 16), (1, 1, 16, 16)])
def test_other_shapes_are_refused(tiny_fsrnet: FSRNetSettings, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"small must be \(B, 3, 16, 16\)"):
        enlarge_face(_network(tiny_fsrnet), torch.zeros(shape))
