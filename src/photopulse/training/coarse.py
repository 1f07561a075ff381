"""What a face seen from afar shows must be true: likeness lives there, and a loss of features moves it freely."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Sides in px of the squares whose mean colours are compared.
SQUARES = (4, 8, 16)


def coarse_distance(made: Tensor, sharp: Tensor) -> Tensor:
    """Computes how far the mean colours of squares of 4, 8 and 16 px are off, the three L1 distances added up.

    An L1 distance of pixels is nearly all fine detail, and the gradient of a distance of features is tens of times
    as large as its own, in coarse structure as in fine: neither keeps the light and shape of a face where they were.

    Args:
        made: (B, C, H, W), sides of at least 16 px; what is left over at the right and bottom does not count.
        sharp: the same shape.

    Returns:
        (B,), float32.
    """
    error = made.float() - sharp.float()
    return torch.stack([F.avg_pool2d(error, side).abs().mean(dim=(1, 2, 3)) for side in SQUARES]).sum(dim=0)
