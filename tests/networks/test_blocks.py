import math

import torch
import torch.nn.functional as F

from photopulse.networks.blocks import ResidualBlock, convolution


def test_a_convolution_keeps_the_spread_that_a_leaky_relu_takes():
    torch.manual_seed(0)
    layer = convolution(64, 96)
    # He et al. 2015: variance 2 / ((1 + a^2) fan-in).
    assert math.isclose(layer.weight.std().item(), math.sqrt(2 / (1.04 * 64 * 9)), rel_tol=0.02)
    assert layer.bias is not None
    assert not layer.bias.any()
    assert convolution(3, 5)(torch.zeros(1, 3, 7, 9)).shape == (1, 5, 7, 9)
    assert convolution(3, 5, stride=2)(torch.zeros(1, 3, 8, 10)).shape == (1, 5, 4, 5)


def test_a_new_block_is_the_identity_and_a_trained_one_adds_two_convolutions():
    torch.manual_seed(0)
    block, x = ResidualBlock(4), torch.rand(1, 4, 6, 6)
    assert torch.equal(block(x), x)
    torch.nn.init.normal_(block.conv2.weight)
    hidden = F.leaky_relu(F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1), 0.2)
    torch.testing.assert_close(block(x), x + F.conv2d(hidden, block.conv2.weight, block.conv2.bias, padding=1))
