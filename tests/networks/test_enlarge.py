import numpy as np
import pytest
import torch
from torch import nn

from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = EnlargeNetSettings(width=4, blocks=1)


def test_an_untrained_network_enlarges_by_cubic_curves():
    import cv2

    image = torch.rand(1, 3, 10, 13)
    array = image[0].permute(1, 2, 0).numpy()
    # OpenCV's cubic has the same a = -0.75 and the same places; its edges are repeated as well.
    expected = cv2.resize(array, (26, 20), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(EnlargeNet(TINY)(image)[0].detach().permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_gradients_reach_every_weight():
    torch.manual_seed(0)
    network = EnlargeNet(TINY)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    network(torch.rand(2, 3, 9, 8)).square().mean().backward()
    assert [name for name, values in network.named_parameters() if not values.grad.abs().max() > 0] == []


def test_the_shipped_sizes_are_small():
    assert sum(values.numel() for values in EnlargeNet().parameters()) == pytest.approx(0.06e6, rel=0.05)
