"""The hinge losses of a discriminator, which rates pictures by maps of logits, and of the generator that it trains."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the discriminator, the mean over its maps of logits (Lim and Ye 2017)."""
    each = [
        F.relu(1 - of_real.float()).mean() + F.relu(1 + of_made.float()).mean()
        for of_real, of_made in zip(real, made, strict=True)
    ]
    return torch.stack(each).mean()


def generator_loss(made: Sequence[Tensor]) -> Tensor:
    """Generator loss of each image (B,): the negated mean of the discriminator's maps of logits (B, 1, h, w)."""
    return torch.stack([-logits.float().mean(dim=(1, 2, 3)) for logits in made]).mean(dim=0)
