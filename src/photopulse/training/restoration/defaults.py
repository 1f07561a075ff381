"""Defaults of the restoration's recipes that are options of the command line; loads without torch, for ``--help``."""

from dataclasses import dataclass
from typing import Final

from photopulse.training.optimisation import Optimisation


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of a restorer's losses; the L1 distance has the weight 1.

    Attributes:
        perceptual: weight of the perceptual loss (EfficientNet-Lite0).
        coarse: weight of ``coarse_loss``.
    """

    perceptual: float = 0.1
    coarse: float = 0.0


PHOTO: Final = Optimisation(steps=8000, batch_size=16, learning_rate=8e-4)
PHOTO_WEIGHTS: Final = LossWeights(perceptual=1.0, coarse=10.0)
PHOTO_CROP: Final = 128

FULL_SIZE: Final = Optimisation(steps=3400, batch_size=6, learning_rate=1.5e-3)
FULL_SIZE_WEIGHTS: Final = LossWeights(perceptual=0.2, coarse=10.0)
FULL_SIZE_CROP: Final = 256

ENLARGE: Final = Optimisation(steps=2000, batch_size=16, learning_rate=1e-3, ema_decay=0.995)
ENLARGE_WEIGHTS: Final = LossWeights()
ENLARGE_CROP: Final = 128

DAMAGE_MASK: Final = Optimisation(steps=6000, batch_size=4, learning_rate=1e-3, ema_decay=0.99, save_every=50)
DAMAGE_MASK_CROP: Final = 192

INPAINT: Final = Optimisation(steps=6000, batch_size=6, learning_rate=1e-3, ema_decay=0.99, save_every=50)
INPAINT_CROP: Final = 128
