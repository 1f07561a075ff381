"""The default generator as one would first write it: the operations of the published graph, one by one.

NCHW, float32, eager, the allocator as it is: benchmarks/step.py compares photopulse with it. Only the wavelet
is not the graph's: its transposed convolutions are several times slower in PyTorch than the pixel shuffle below,
which would flatter us.
"""

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.generators.mobilestylegan import Block, MobileStyleGAN


def synthesize(generator: MobileStyleGAN, ws: Tensor) -> Tensor:
    """Renders ws (B, num_ws, w_dim) with the generator's weights; see the protocol."""
    layer = generator.input
    x = layer.const * layer.affine(ws[:, 0])[:, :, None, None]
    x = F.conv2d(x, layer.weight, padding=1)
    x = F.leaky_relu(x + layer.noise_const * layer.noise_strength + layer.bias[:, None, None], 0.2)
    blocks = cast("Iterable[Block]", generator.blocks)
    for i, block in enumerate(blocks):
        x = inverse_haar(x * block.up(ws[:, 2 * i + 1])[:, :, None, None])
        for conv, w in ((block.conv1, ws[:, 2 * i + 1]), (block.conv2, ws[:, 2 * i + 2])):
            x = x * conv.affine(w)[:, :, None, None]
            x = F.conv2d(x, conv.depthwise, padding=1, groups=x.shape[1])
            x = F.conv2d(x, conv.pointwise)
            x = x + conv.noise_const * conv.noise_strength
            x = x + conv.bias[:, None, None]
            x = F.leaky_relu(x, 0.2)
    image = generator.image
    x = F.conv2d(x * image.affine(ws[:, -1])[:, :, None, None], image.weight) + image.bias[:, None, None]
    return (inverse_haar(x) + 1) / 2


def inverse_haar(x: Tensor) -> Tensor:
    """Undoes one level of the Haar transform by a pixel shuffle."""
    batch, channels, height, width = x.shape
    low = x[:, : channels // 4]
    details = x[:, channels // 4 :].reshape(batch, channels // 4, 3, height, width)
    rows, columns, diagonal = details.unbind(2)
    top, bottom = low + rows, low - rows
    top_step, bottom_step = columns + diagonal, columns - diagonal
    corners = (top + top_step, top - top_step, bottom + bottom_step, bottom - bottom_step)
    return F.pixel_shuffle(torch.stack(corners, dim=2).flatten(1, 2) * 0.5, 2)
