"""Operations of twins, whose features are (B, H, W, C).

In this layout a 1x1 convolution is one matrix product, which runs at the hardware's peak.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.layers import SLOPE


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Makes a frozen linear layer from copies of weight (out, in) and bias (out,)."""
    # On the meta device, no random values are drawn only to be replaced.
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = parameter(weight), parameter(bias)
    return layer


def parameter(values: Tensor) -> nn.Parameter:
    """Makes a frozen parameter of a copy of the values."""
    return nn.Parameter(values.detach().clone().contiguous(), requires_grad=False)


def depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolves each channel of x (B, H, W, C) with its own kernel (C, 1, 3, 3), with zeros as padding."""
    return F.conv2d(x.permute(0, 3, 1, 2), kernel, padding=1, groups=len(kernel)).permute(0, 2, 3, 1)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Mixes the channels of x (B, H, W, C) by weight (out, C): a matrix (B H W, out)."""
    return F.linear(x.flatten(0, 2), weight, bias)


def activate_(x: Tensor) -> Tensor:
    """Applies LeakyReLU with slope 0.2 in place.

    x should own its memory: if it is a view, autograd copies all of it before and after.
    """
    return F.leaky_relu_(x, SLOPE)
