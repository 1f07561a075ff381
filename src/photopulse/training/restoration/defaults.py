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


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of progressive growing: faces of one size.

    Attributes:
        size: height and width of the faces in px.
        steps: number of batches.
        batch_size: faces per batch and process.
    """

    size: int
    steps: int
    batch_size: int


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

FACE_GAN_SIZES: Final = (16, 32, 64, 128, 256)
FACE_GAN_STAGES: Final = (
    Stage(size=64, steps=3000, batch_size=16),
    Stage(size=128, steps=1500, batch_size=12),
    Stage(size=256, steps=600, batch_size=8),
)
FACE_GAN_LEARNING_RATE: Final = 3e-4
FACE_GAN_SEED: Final = 0

FACE: Final = Optimisation(steps=4000, batch_size=8, learning_rate=6e-4)
FACE_WEIGHTS: Final = LossWeights(perceptual=1.0, coarse=30.0)
FACE_IDENTITY_WEIGHT: Final = 8.0
