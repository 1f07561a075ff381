"""The hinge loss of a discriminator, which rates pictures by maps of logits."""

import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of the discriminator, the mean over its logits of any shape (Lim and Ye 2017)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + made.float()).mean()
