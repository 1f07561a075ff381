"""The interface of corruptions: a random draw, its expected value, and its equivalent on a smaller picture."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Corruption(ABC):
    """An operation that corrupts a picture and keeps its size: noise, blur, compression, pixelation.

    All members are abstract, so a new corruption that lacks one cannot be created: otherwise a search could silently
    ignore a part of what happened to its input.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The text form, which ``parse_corruptions`` reads, e.g. ``"noise:25"``."""

    @property
    @abstractmethod
    def is_random(self) -> bool:
        """Whether the result depends on random numbers."""

    @property
    @abstractmethod
    def is_linear(self) -> bool:
        """Whether ``expected`` is a linear function of the picture, except for clamping at black and white."""

    @property
    @abstractmethod
    def has_steps(self) -> bool:
        """Whether ``expected`` is a step function of the picture, as rounding makes it."""

    @abstractmethod
    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        """Corrupts pictures (B, 3, H, W) in [0, 1]; the result has their shape, device and dtype, and no gradients.

        ``random`` is a CPU generator: the same seed gives the same result on every device. All pictures of a batch
        draw from it in turn; for a result that depends on neither batch nor order, corrupt the pictures one by one,
        each with its own generator.
        """

    @abstractmethod
    def expected(self, image: Tensor) -> Tensor:
        """Computes the expected value over all draws for pictures (B, 3, H, W), differentiably."""

    @abstractmethod
    def at_scale(self, ratio: float) -> "Corruption | None":
        """Returns the equivalent corruption of a picture ``ratio`` times as wide and high, 0 < ratio < 1.

        None if its effect would not be visible at that size.
        """
