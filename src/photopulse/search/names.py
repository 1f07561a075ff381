"""The names by which settings choose, without heavy imports, so that the command line offers them at once."""

from typing import Literal

OptimizerName = Literal["adam", "sgd", "sgdm", "adamax"]
ScheduleName = Literal["fixed", "linear1cycle", "linear1cycledrop"]
NoiseKind = Literal["zero", "fixed", "trainable"]
Quality = Literal["draft", "normal", "best"]
