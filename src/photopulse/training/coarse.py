"""L1 loss on the mean colours of blocks: identity depends on them, and perceptual losses barely constrain them."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Sides of the blocks in px.
BLOCK_SIZES = (4, 8, 16)


def coarse_loss(made: Tensor, sharp: Tensor) -> Tensor:
    """Computes the L1 distance of the mean colours of blocks of 4, 8 and 16 px, summed over the three sizes.

    The L1 distance of pixels is nearly all fine detail, and the gradient of a perceptual loss is tens of times as
    large as its own, in coarse structure as in fine. Neither keeps the light and shape of a face where they were.

    Args:
        made: (B, C, H, W), sides of at least 16 px; incomplete blocks at the right and bottom do not count.
        sharp: the same shape.

    Returns:
        (B,), float32.
    """
    error = made.float() - sharp.float()
    return torch.stack([F.avg_pool2d(error, side).abs().mean(dim=(1, 2, 3)) for side in BLOCK_SIZES]).sum(dim=0)
