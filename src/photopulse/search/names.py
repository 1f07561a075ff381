"""Names of options; without heavy imports, so that the command line shows its help at once."""

from typing import Literal

OptimizerName = Literal["adam", "sgd", "sgdm", "adamax"]
ScheduleName = Literal["fixed", "linear1cycle", "linear1cycledrop"]
NoiseKind = Literal["zero", "fixed", "trainable"]
Quality = Literal["draft", "normal", "best"]
