"""Defaults of the face networks' recipe that are options of the command line; loads without torch, for ``--help``."""

from typing import Final

from photopulse.training.optimisation import Optimisation

FACE: Final = Optimisation(steps=3500, batch_size=4, learning_rate=4e-4, ema_decay=0.995, save_every=50)
FACE_SIZE: Final = 64
FACE_PERCEPTUAL: Final = 0.05
