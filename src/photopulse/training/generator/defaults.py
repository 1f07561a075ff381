"""Defaults of the generator's recipe that are options of the command line; loads without torch, for ``--help``."""

from typing import Final, Literal

from photopulse.training.optimisation import Optimisation

Judge = Literal["pixels", "projected"]

GENERATOR: Final = Optimisation(
    steps=20_000,
    batch_size=16,
    learning_rate=2.5e-3,
    last_rate=0.1,
    ema_decay=0.998,
    save_every=250,
)
WIDTH: Final = 2048
CHANNELS: Final = 128
STYLE: Final = 128
FREEZE: Final = 2
R1_WEIGHT: Final = 0.3
AUGMENT_TARGET: Final = 0.6
