"""Defaults of FSRNet's recipes that are options of the command line; loads without torch, for ``--help``."""

from typing import Final

from photopulse.training.optimisation import Optimisation

FSRNET: Final = Optimisation(steps=2600, batch_size=16, learning_rate=6e-4, warmup=200, last_rate=0.01)
FSRGAN: Final = Optimisation(
    # Without warmup and decay: the learning rate is constant.
    steps=700,
    batch_size=12,
    learning_rate=2e-4,
    warmup=0,
    last_rate=1.0,
    ema_decay=0.99,
    save_every=100,
    seed=1,
)
