"""The network that changes a generator's features: what it gives untrained, and what it sees."""

import pytest
import torch

from photopulse.generators.twin import feature_unit
from photopulse.networks.face_features import FaceFeatureNet, FaceFeatureSettings

SMALL = FaceFeatureSettings(channels=12, widths=(8, 8), blocks=(1, 1), reduced=8)


@pytest.fixture
def net() -> FaceFeatureNet:
    torch.manual_seed(0)
    return FaceFeatureNet(SMALL).eval()


def inputs(size: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    face = torch.rand(2, 3, 4 * size, 4 * size, generator=random)
    features = torch.randn(2, size, size, 12, generator=random) * torch.arange(1, 13)
    return face, features, torch.rand(2, 3, size, size, generator=random)


def test_untrained_it_is_the_generator_alone(net):
    face, features, rendered = inputs()
    with torch.no_grad():
        assert torch.equal(net(face, features, rendered), features)


def test_changes_are_in_units_of_each_channel(net):
    face, features, rendered = inputs()
    with torch.no_grad():
        net.change.bias.fill_(0.5)
        changed = net(face, features, rendered)
    torch.testing.assert_close(changed, features + 0.5 * feature_unit(features))


def test_it_learns_from_the_face_the_features_and_what_they_look_like(net):
    torch.nn.init.normal_(net.change.weight)
    parts = tuple(part.requires_grad_() for part in inputs())
    net(*parts).square().mean().backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in parts)


def test_a_face_of_any_size_is_resized(net):
    torch.nn.init.normal_(net.change.weight, std=0.1)
    face, features, rendered = inputs()
    large = face.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.no_grad():
        assert (net(large, features, rendered) - net(face, features, rendered)).abs().mean() < 0.2
