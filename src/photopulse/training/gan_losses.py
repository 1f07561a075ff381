"""Losses of adversarial training, of logits of any shape that are high for real pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of the discriminator, the mean over its logits of any shape (Lim and Ye 2017)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + made.float()).mean()


def logistic_discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Logistic loss of the discriminator (Goodfellow et al. 2014), the mean over its logits."""
    return F.softplus(-real.float()).mean() + F.softplus(made.float()).mean()


def logistic_generator_loss(made: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (Goodfellow et al. 2014), the mean over the logits."""
    return F.softplus(-made.float()).mean()


def hinge_generator_loss(made: Tensor) -> Tensor:
    """Loss of the generator that goes with the hinge loss (Lim and Ye 2017), the mean over the logits."""
    return -made.float().mean()


@dataclass(frozen=True, kw_only=True)
class AdversarialLosses:
    """The losses of a discriminator, of its logits of real and of made pictures, and of its generator."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


HINGE: Final = AdversarialLosses(discriminator=discriminator_loss, generator=hinge_generator_loss)
LOGISTIC: Final = AdversarialLosses(discriminator=logistic_discriminator_loss, generator=logistic_generator_loss)


def slope_penalty(discriminator: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """Computes R1, half of the mean squared norm of the logits' gradient at ``pictures`` (Mescheder et al. 2018).

    On made pictures it is R2. Computes in float32.
    """
    pictures = pictures.detach().float().requires_grad_(True)
    logits = discriminator(pictures)
    (slope,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return slope.square().sum(dim=(1, 2, 3)).mean() / 2
